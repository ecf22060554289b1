"""Connections to other servers, made with aiohttp. Imported by the first request: see `Outbound`.

What a name leads to is looked up once for each connection, and that address is what is connected to: the resolver
hands on only what the guard permits, and each socket is looked at once more before it is made. So neither a name whose
address changes in between, nor a redirect, nor a number written in an odd way leads anywhere else.
"""

import asyncio
import socket
import zlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ripstop.machinery.outbound.answers import Answer, Limits, TooMuch, Unreachable
from ripstop.machinery.outbound.guard import Guard, Refused

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 16_384
LOOKUPS = 8
"""Names that one process looks up at once."""
_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib calls the encodings that are asked for."""


class Connections:
    """Asks without cookies, and with a connection for each request, so that each is looked at. To be closed.

    :param agent: what it calls itself.
    """

    def __init__(self, guard: Guard, limits: Limits, *, agent: str, resolver: AbstractResolver | None) -> None:
        self._guard = guard
        self._limits = limits
        self._agent = agent
        connector = aiohttp.TCPConnector(
            resolver=_GuardedResolver(guard, resolver or _MachineResolver()),
            socket_factory=self._socket,
            use_dns_cache=False,
            force_close=True,
            limit=limits.connections,
            limit_per_host=limits.connections_of_host,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=limits.seconds),
        )

    async def close(self) -> None:
        await self._session.close()

    async def follow(self, url: str, accept: str, most: int, kinds: Collection[str], *, cut: bool) -> Answer:
        """See `Outbound.get`.

        :raises Refused: it, or something that it leads to, is not to be asked.
        :raises TooMuch: the body has more than `most` bytes.
        :raises Unreachable: nothing that can be understood came; but for the time, to which the caller sees.
        """
        try:
            return await self._follow(url, accept, most, kinds, cut)
        except (aiohttp.ClientError, ValueError, zlib.error) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    async def _follow(self, url: str, accept: str, most: int, kinds: Collection[str], cut: bool) -> Answer:
        headers = {"user-agent": self._agent, "accept": accept, "accept-encoding": "gzip, deflate"}
        for _ in range(self._limits.redirects + 1):
            url = self._guard.check_url(url)
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                location = response.headers.get("location")
                if response.status in _REDIRECTS and location:
                    url = urljoin(url, location)
                    continue
                said = {name.lower(): value for name, value in response.headers.items()}
                answer = Answer(url=url, status=response.status, headers=said, body=b"")
                if kinds and answer.kind not in kinds:
                    return answer
                body = await _read(response, most, cut=cut)
                return Answer(url=url, status=response.status, headers=said, body=body)
        raise Unreachable(f"It leads on more than {self._limits.redirects} times.")

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The socket of a connection, whose address is looked at here whatever was looked at before."""
        family, type_, proto, _, address = info
        if not self._guard.permits(str(address[0]), int(address[1])):
            raise Refused(f"{address[0]} is not asked.")
        return socket.socket(family, type_, proto)


class _MachineResolver(AbstractResolver):
    """Asks the machine, in threads of its own: a name that is slow to be found holds up other names, nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=flags)
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _GuardedResolver(AbstractResolver):
    """Looks names up, and hands on what may be asked."""

    def __init__(self, guard: Guard, resolver: AbstractResolver) -> None:
        self._guard = guard
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        permitted = [one for one in found if self._guard.permits(one["host"], port)]
        if found and not permitted:
            raise Refused(f"{host} leads to no public address.")
        return permitted

    async def close(self) -> None:
        await self._resolver.close()


async def _read(response: aiohttp.ClientResponse, most: int, *, cut: bool) -> bytes:
    """The body, unpacked.

    :raises TooMuch: it is too large, and its beginning is not enough.
    """
    packed = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        packed += chunk
        if len(packed) > most:
            if not cut:
                raise TooMuch(f"It has more than {most:,} bytes.")
            break
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return bytes(packed[:most])
    if encoding not in _ENCODINGS:
        raise ValueError(f"It is packed as {encoding}, which was not asked for.")
    unpacking = zlib.decompressobj(_ENCODINGS[encoding])
    body = unpacking.decompress(bytes(packed), most)
    if unpacking.unconsumed_tail and not cut:
        raise TooMuch(f"It has more than {most:,} bytes.")
    return body
