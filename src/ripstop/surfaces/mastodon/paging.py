"""How lists that are not of posts are paged: by an id of the list's own, which clients take from the `Link` header."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from ripstop.domain.feeds import Window
from ripstop.engines.base import Association, Direction
from ripstop.machinery.graph import Association as ListType
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, page

MOST_ACCOUNTS = 80
"""Longest page of accounts, and most ids that one request may name."""


class ListParams(msgspec.Struct, kw_only=True):
    """A page of a list of accounts, or of whatever else hangs on an id."""

    id: int = 0
    limit: Annotated[int, msgspec.Meta(ge=1)] = 40
    max_id: Id | None = None
    since_id: Id | None = None
    min_id: Id | None = None

    @property
    def window(self) -> Window:
        return Window(
            limit=min(self.limit, MOST_ACCOUNTS), max_id=self.max_id, since_id=self.since_id, min_id=self.min_id
        )


async def read_rows(graph: Graph, source: int, type_: ListType, window: Window) -> list[Association]:
    """The rows of the page, newest first. One engine call."""
    rows = await graph.range(
        source,
        type_,
        after=window.after,
        before=window.before,
        limit=window.limit,
        direction=window.direction,
    )
    if window.direction is Direction.OLDEST_FIRST:
        rows.reverse()
    return rows


def row_page(request: Request, body: bytes, rows: Sequence[Association], window: Window) -> Response:
    """A JSON list, which shows these rows, with the `Link` header to those around them."""
    next_max_id, prev_min_id = cursors(rows, window)
    return page(request, body, next_max_id=next_max_id, prev_min_id=prev_min_id)


def cursors(rows: Sequence[Association], window: Window) -> tuple[int | None, int | None]:
    """`next_max_id` and `prev_min_id` of a page."""
    if not rows:
        return None, None
    more = len(rows) >= window.limit or window.min_id is not None
    return rows[-1].order if more else None, rows[0].order
