"""Pages for everybody, rendered once for all who ask at the same moment.

However many read a page, a process renders it a few times a second: whoever asks while it is being rendered waits for
that, and whoever asks within `KEPT_SECONDS` after is given it as it is. So what a page costs does not grow with its
readers. A browser that is told to look again (`Cache-Control: no-cache`) is given a page that is rendered for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import NamedTuple

from ripstop.surfaces.http.response import Response

KEPT_SECONDS = 0.25
MOST_KEPT = 16 << 20
"""Bytes of pages that one process keeps."""


class _Kept(NamedTuple):
    """A page, and until when it is fresh."""

    page: Response
    until: float


class Freshness:
    """The pages of one process."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._flights: dict[str, asyncio.Task[Response]] = {}
        self._size = 0

    async def get(self, key: str, render: Callable[[], Awaitable[Response]], *, anew: bool = False) -> Response:
        """The page under this key.

        :param anew: render it, whatever is kept or under way.
        """
        if anew:
            return await render()
        kept = self._kept.get(key)
        if kept is not None and monotonic() < kept.until:
            return kept.page
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._render(key, render))
            self._flights[key] = flight
        # A reader who goes away does not take the page from all others.
        return await asyncio.shield(flight)

    async def _render(self, key: str, render: Callable[[], Awaitable[Response]]) -> Response:
        try:
            page = await render()
            self._keep(key, page)
            return page
        finally:
            del self._flights[key]

    def _keep(self, key: str, page: Response) -> None:
        now, kept = monotonic(), self._kept
        self._drop(key)
        kept[key] = _Kept(page, now + KEPT_SECONDS)
        self._size += len(page.body)
        while kept:  # the oldest first: a dict keeps its order
            oldest = next(iter(kept))
            if self._size <= MOST_KEPT and now < kept[oldest].until:
                break
            self._drop(oldest)

    def _drop(self, key: str) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._size -= len(dropped.page.body)
