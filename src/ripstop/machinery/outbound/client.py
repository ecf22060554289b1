"""The HTTP client for whatever others name: bounded in time, size and steps, and held back from private addresses.

What a name leads to is looked up once for each connection, and that address is what is connected to: the resolver
hands on only what the guard permits, and each socket is looked at once more before it is made. So neither a name whose
address changes in between, nor a redirect, nor a number written in an odd way leads anywhere else.
"""

import asyncio
import socket
import zlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ripstop.kernel.metrics import Metrics
from ripstop.machinery.outbound.guard import Guard, Refused

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 16_384
LOOKUPS = 8
"""Names that one process looks up at once."""
_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib calls the encodings that are asked for."""


class Unreachable(Exception):
    """It did not answer, or not in a way that can be understood: it may another time."""


class TooMuch(Exception):
    """The answer is larger than it was allowed to be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of one request, its redirects included. `bytes` is of a body, packed and unpacked."""

    seconds: float = 10.0
    bytes: int = 1 << 20
    redirects: int = 5
    connections: int = 20
    """At the same time, of one process."""
    connections_of_host: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What another server said. `url` is where it was found in the end, header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The type of the body, such as `text/html`; empty if it is not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """How its text is encoded, as far as that is said."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'").lower()
        return ""


class Outbound:
    """Asks other servers. To be closed; opens nothing before it is asked.

    :param agent: what it calls itself: the program, and the server on whose behalf.
    :param resolver: instead of that of the machine.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        agent: str,
        metrics: Metrics,
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._guard = guard
        self._agent = agent
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        requests = metrics.counter(
            "ripstop_outbound_requests_total", "Requests to other servers, by result.", ["result"]
        )
        self._answered, self._refused, self._failed = (
            requests.cell(result) for result in ("answered", "refused", "failed")
        )

    async def __aenter__(self) -> "Outbound":
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self,
        url: str,
        *,
        accept: str = "*/*",
        most_bytes: int | None = None,
        kinds: Collection[str] = (),
        cut: bool = False,
    ) -> Answer:
        """What there is at a URL, after at most so many redirects.

        :param most_bytes: of the body, if that is less than the limit.
        :param kinds: types of which a body is wanted; that of any other is left where it is. Empty: all.
        :param cut: be content with the beginning of what is too large.
        :raises Refused: it, or something that it leads to, is not to be asked.
        :raises TooMuch: the body is too large.
        :raises Unreachable: nothing that can be understood came in time.
        """
        most = min(most_bytes or self.limits.bytes, self.limits.bytes)
        try:
            async with asyncio.timeout(self.limits.seconds):
                answer = await self._follow(url, accept, most, kinds, cut)
        except Refused:
            self._refused.value += 1
            raise
        except TooMuch:
            self._failed.value += 1
            raise
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:  # TimeoutError is an OSError
            self._failed.value += 1
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        self._answered.value += 1
        return answer

    async def _follow(self, url: str, accept: str, most: int, kinds: Collection[str], cut: bool) -> Answer:
        headers = {"user-agent": self._agent, "accept": accept, "accept-encoding": "gzip, deflate"}
        for _ in range(self.limits.redirects + 1):
            url = self._guard.check_url(url)
            async with self._open().get(url, headers=headers, allow_redirects=False) as response:
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
        raise Unreachable(f"It leads on more than {self.limits.redirects} times.")

    def _open(self) -> aiohttp.ClientSession:
        """The session, without cookies, and with a connection for each request, so that each is looked at."""
        if self._session is None:
            resolver = _GuardedResolver(self._guard, self._resolver or _MachineResolver())
            connector = aiohttp.TCPConnector(
                resolver=resolver,
                socket_factory=self._socket,
                use_dns_cache=False,
                force_close=True,
                limit=self.limits.connections,
                limit_per_host=self.limits.connections_of_host,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=self.limits.seconds),
            )
        return self._session

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
