"""People to be found without a name: the directory of those who agreed to that, and suggestions."""

import asyncio
from collections import Counter
from typing import NamedTuple

from ripstop.domain.accounts.model import ACCOUNT, DIRECTORY, DIRECTORY_ROOT
from ripstop.domain.follows.model import DISMISSED, FOLLOWS, REQUESTS
from ripstop.domain.posts.model import POSTED
from ripstop.domain.viewing import sight_of
from ripstop.domain.viewing.people import listed_among
from ripstop.machinery.graph import Graph, TypeSet

MOST_LOOKED_AT = 400
"""Newest entries of the directory among which those are looked for who posted last."""
MOST_FRIENDS = 1_000
"""Accounts that the viewer follows whose own follows are looked at."""
MOST_FOLLOWS = 1_000
"""Newest follows of those that are looked at."""
MOST_DISMISSED = 1_000

NEWEST = TypeSet(POSTED)


class Suggestion(NamedTuple):
    """Somebody whom the viewer might want to follow; `by_friends` if some of those follow it whom the viewer does."""

    account: int
    by_friends: bool


async def directory(graph: Graph, viewer: int | None, *, active: bool, limit: int, offset: int = 0) -> list[int]:
    """Who agreed to be found here: who posted last first (`active`), or who agreed last. At most three engine calls
    beside the viewer's relations.

    Those who posted last are looked for among the newest `MOST_LOOKED_AT`.
    """
    most = MOST_LOOKED_AT if active else offset + limit
    rows = await graph.range(DIRECTORY_ROOT, DIRECTORY, limit=most)
    found = await listed_among(graph, viewer, [row.target for row in rows])
    if active:
        tallies = await graph.tallies(found, NEWEST)
        found.sort(key=lambda account: -tallies[account].counts[0].newest)
    return found[offset : offset + limit]


async def suggestions(graph: Graph, viewer: int, *, limit: int) -> list[Suggestion]:
    """People whom the viewer does not follow: those first whom most of those follow whom it does, then the newest of
    the directory. All of them agreed to be found. At most nine engine calls beside the viewer's relations.
    """
    sight = await sight_of(graph, viewer)
    friends = sorted(sight.follows)[-MOST_FRIENDS:]
    waiting, dismissed = await asyncio.gather(
        graph.range(viewer, REQUESTS, limit=MOST_FOLLOWS), graph.range(viewer, DISMISSED, limit=MOST_DISMISSED)
    )
    known = {viewer, *sight.follows, *(row.target for row in (*waiting, *dismissed))}
    times = await _followed_by(graph, friends) if friends else Counter()
    likely = [account for account, _ in times.most_common(5 * limit + len(known)) if account not in known]
    people = await graph.get_many(ACCOUNT, likely)
    likely = [account for account in likely if account in people and people[account].value.discoverable]
    found = await listed_among(graph, viewer, likely)
    others: list[int] = []
    if len(found) < limit:
        newest = await directory(graph, viewer, active=False, limit=limit + min(len(known), MOST_LOOKED_AT))
        others = [account for account in newest if account not in known and account not in found]
    ranked = [Suggestion(account, True) for account in found] + [Suggestion(account, False) for account in others]
    return ranked[:limit]


async def _followed_by(graph: Graph, friends: list[int]) -> "Counter[int]":
    """How many of these follow each account, as far as they tell. Two engine calls."""
    people = await graph.get_many(ACCOUNT, friends)
    open_ = [id_ for id_, entry in people.items() if not entry.value.hide_collections and not entry.value.is_hidden]
    if not open_:
        return Counter()
    merge = await graph.merge(open_, FOLLOWS, limit=MOST_FOLLOWS, budget=len(open_))
    return Counter(row.target for row in merge.entries)


async def dismiss(graph: Graph, viewer: int, account: int) -> None:
    """Not be suggested somebody any more. One commit."""
    write = graph.write(viewer)
    write.put(DISMISSED, viewer, account, order=write.new_id(), if_absent=True)
    await graph.commit(write)
