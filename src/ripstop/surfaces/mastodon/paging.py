"""How lists that are not of posts are paged: by an id of the list's own, which clients take from the `Link` header."""

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from ripstop.domain.feeds import Page, Window
from ripstop.domain.feeds.rows import People, cursors
from ripstop.engines.base import Association
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


def row_page(request: Request, body: bytes, rows: Sequence[Association], window: Window) -> Response:
    """A JSON list, which shows these rows, with the `Link` header to those around them."""
    next_max_id, prev_min_id = cursors(rows, window)
    return page(request, body, next_max_id=next_max_id, prev_min_id=prev_min_id)


def id_page(request: Request, body: bytes, found: Page | People) -> Response:
    """A JSON list, which shows this page, with the `Link` header to what lies around it."""
    return page(request, body, next_max_id=found.next_max_id, prev_min_id=found.prev_min_id)


class Found(Protocol):
    """A page of the domain's, newest first: between which ids it looked, and whether there may be more below."""

    @property
    def newest(self) -> int | None: ...

    @property
    def oldest(self) -> int | None: ...

    @property
    def more(self) -> bool: ...


def found_page(request: Request, body: bytes, found: Found, *, min_id: int | None) -> Response:
    """A JSON list, which shows what was found, with the `Link` header to what lies around that.

    :param min_id: what was asked for, if it was what lies next above this.
    """
    next_max_id = found.oldest if found.more or min_id is not None else None
    return page(request, body, next_max_id=next_max_id, prev_min_id=found.newest)
