"""Lists that are paged by the ids of their own rows: what somebody keeps, what quotes a post, and lists of people."""

from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.accounts.model import Account
from ripstop.domain.feeds.page import Page, Window
from ripstop.domain.posts.model import LIKED_BY, QUOTED_BY, REPOSTED_BY
from ripstop.domain.viewing import Place, hydrate, sight_of
from ripstop.domain.viewing.people import may_list_people_of, met_among, who_passed_on
from ripstop.engines import base
from ripstop.engines.base import Direction
from ripstop.machinery.graph import Association, Entry, Graph


class People(NamedTuple):
    """A page of accounts, newest first, as `Page` is one of posts."""

    items: list[int]
    next_max_id: int | None
    prev_min_id: int | None


async def read_rows(graph: Graph, source: int, association: Association, window: Window) -> list[base.Association]:
    """The rows of the page, newest first. One engine call."""
    rows = await graph.range(
        source,
        association,
        after=window.after,
        before=window.before,
        limit=window.limit,
        direction=window.direction,
    )
    if window.direction is Direction.OLDEST_FIRST:
        rows.reverse()
    return rows


def cursors(rows: Sequence[base.Association], window: Window) -> tuple[int | None, int | None]:
    """`next_max_id` and `prev_min_id` of a page."""
    if not rows:
        return None, None
    more = len(rows) >= window.limit or window.min_id is not None
    return rows[-1].order if more else None, rows[0].order


async def kept_posts(graph: Graph, viewer: int, association: Association, window: Window) -> Page:
    """What the viewer likes, or keeps at hand, by when it began to. At most five engine calls."""
    return await _posts(graph, viewer, viewer, association, window, Place.SINGLE)


async def quoting_posts(graph: Graph, viewer: int | None, post: int, window: Window) -> Page:
    """The posts that quote one, as far as the viewer may see and wants to meet them. At most five engine calls."""
    return await _posts(graph, viewer, post, QUOTED_BY, window, Place.PUBLIC)


async def _posts(
    graph: Graph, viewer: int | None, source: int, association: Association, window: Window, place: Place
) -> Page:
    rows = await read_rows(graph, source, association, window)
    items = await hydrate(graph, await sight_of(graph, viewer), [row.target for row in rows], place)
    return Page(items, *cursors(rows, window))


async def people_of(
    graph: Graph, viewer: int | None, account: Entry[Account], association: Association, window: Window
) -> People | None:
    """Whom an account follows, or who follows it; None if the viewer is not shown that. At most three engine calls."""
    if not await may_list_people_of(graph, viewer, account):
        return None
    rows = await read_rows(graph, account.id, association, window)
    people = [row.target for row in rows]
    if viewer != account.id:
        people = await met_among(graph, viewer, people)
    return People(people, *cursors(rows, window))


async def who_likes(graph: Graph, viewer: int | None, post: int, window: Window) -> People:
    """Who likes a post. At most two engine calls."""
    rows = await read_rows(graph, post, LIKED_BY, window)
    return People(await met_among(graph, viewer, [row.target for row in rows]), *cursors(rows, window))


async def who_reposts(graph: Graph, viewer: int | None, post: int, window: Window) -> People:
    """Who passed a post on. At most three engine calls."""
    rows = await read_rows(graph, post, REPOSTED_BY, window)
    return People(await who_passed_on(graph, viewer, [row.order for row in rows]), *cursors(rows, window))
