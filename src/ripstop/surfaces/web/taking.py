"""Taking one's data along: an archive of everything that is one's own."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from ripstop.engines.blobs import BlobStore
from ripstop.kernel.errors import Overloaded
from ripstop.machinery.graph import Graph
from ripstop.surfaces.archive import stream_archive
from ripstop.surfaces.http.rates import Rates
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Stream
from ripstop.surfaces.http.routing import Quota, Route
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown

DATA = "/settings/data"
MOST_AT_ONCE = 2
"""Archives that one process writes at the same time."""


class TakeParams(msgspec.Struct, kw_only=True):
    """The button."""

    proof: str = ""


class Taking:
    """Handlers of the page.

    :param origin: the public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, shell: Shell, blobs: BlobStore, rates: Rates, *, origin: str) -> None:
        self._graph = graph
        self._shell = shell
        self._blobs = blobs
        self._rates = rates
        self._origin = origin
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    def routes(self) -> list[Route]:
        return [
            Route("GET", DATA, self._shell.own(self.page)),
            Route("POST", DATA, self._shell.act(self.take), params=TakeParams),
        ]

    async def page(self, request: Request, params: None, reader: Reader) -> Answer:
        """What is in the archive, and the button."""
        return Shown("data.html", {})

    async def take(self, request: Request, params: TakeParams, reader: Reader) -> Stream:
        """The archive, written while it is sent: one page of a list, or one picture, after the other.

        :raises Overloaded: as many are being written as may be.
        :raises TooManyRequests: the account took as many as it may.
        """
        if self._room.locked():
            raise Overloaded("Others are taking their archives. Please try again in a minute.", retry_after=60)
        self._rates.admit_dear(request, Quota.EXPORTS, reader.id)
        return Stream(self._pieces(reader), headers=_headers(reader.account.value.username), patient=True)

    async def _pieces(self, reader: Reader) -> AsyncIterator[bytes]:
        async with self._room:
            async for piece in stream_archive(self._graph, self._blobs, reader.account, origin=self._origin):
                yield piece


def _headers(username: str) -> Headers:
    return [
        ("content-type", "application/zip"),
        ("content-disposition", f'attachment; filename="{username}.zip"'),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
    ]
