"""What an account was told, in groups: likes and reposts of one post, and follows, of half a day each.

A page is put together from two lists. Kinds that are to be shown by groups are read from `GROUPS`, where a group
stands once, at its newest; all others from `NOTIFIED`, where the former can be left out. So what a page costs does not
depend on how much is in a group, and no group is met again further down.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.notifications.model import (
    ASKS,
    AWAY,
    GROUPABLE,
    GROUPED,
    GROUPS,
    IN_GROUP,
    KINDS,
    NOTIFIED,
    OF_KIND,
    SIZES,
    UNDONE,
    Notice,
    group_id,
    group_key,
    read_notice,
    ungrouped,
)
from ripstop.domain.notifications.queries import Wanted, access_notification, look, read_from, read_rows
from ripstop.domain.viewing import Seen
from ripstop.engines import base
from ripstop.engines.base import Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph

SAMPLE = 8
"""Actors of a group that are named, the latest ones."""
SAMPLED = 400
"""Notifications that are read to find the actors of all groups of a page; of very full ones fewer may be named."""
MOST_ACTORS = 1_000
"""Actors of one group that are named where all are asked for."""


class Group(NamedTuple):
    """What the viewer is told of together. `actors` are some of those who did it, the latest first, at least one.

    `lowest` is the lowest id of those that were looked at and are not below the page.
    """

    key: str
    kind: int
    size: int
    newest: int
    lowest: int
    actors: list[int]
    post: Seen | None


class Groups(NamedTuple):
    """A page of groups, newest first, and the places between which it looked."""

    items: list[Group]
    newest: int | None
    oldest: int | None
    more: bool


class _Found(NamedTuple):
    """A row of either list; `group` is 0 for what stands alone."""

    order: int
    group: int
    row: base.Association


class _Member(NamedTuple):
    """A notification in a group."""

    id: int
    notice: Notice


async def groups(graph: Graph, viewer: int, wanted: Wanted, *, grouped: Collection[int] = GROUPABLE) -> Groups:
    """A page of groups; kinds that are not `grouped` stand each for itself. What rules hide is left out.

    When all is cached four engine calls; a fifth while a group is changing. What one actor did is never in one group
    twice, so that of one actor is read from `NOTIFIED` alone.
    """
    found, more = await _read(graph, viewer, wanted, grouped)
    if not found:
        return Groups([], None, None, more=False)
    members, sizes = await _members(graph, viewer, found)
    eye = await look(graph, viewer, [member.notice for one in found for member in members[one.row.target]])
    lowest, items = found[-1].order if more else 0, []
    for one in found:
        known = members[one.row.target]
        shown = [member for member in known if eye.shows(member.notice)]
        if not shown:
            continue
        first = shown[0]
        kind = one.row.flags & OF_KIND
        is_grouped = bool(one.group) or (wanted.actor is not None and kind in grouped)
        actors = list(dict.fromkeys(member.notice.actor for member in shown))[:SAMPLE]
        items.append(
            Group(
                key=group_key(kind, first.id, first.notice.post) if is_grouped else f"ungrouped-{first.id}",
                kind=kind,
                size=sizes.get(one.group, 1) - len(known) + len(shown),
                newest=first.id,
                lowest=min((member.id for member in shown if member.id >= lowest), default=first.id),
                actors=actors,
                post=eye.posts.get(first.notice.post or 0),
            )
        )
    return Groups(items, found[0].order, found[-1].order, more)


async def _read(graph: Graph, viewer: int, wanted: Wanted, grouped: Collection[int]) -> tuple[list[_Found], bool]:
    """The rows of a page, newest first, and whether there may be more. Two engine calls, or those of `read_rows`."""
    together = [kind for kind in grouped if kind in wanted.kinds and kind in GROUPABLE]
    if wanted.actor is not None:
        together = []
    mask = wanted.hidden | sum(kind << IN_GROUP for kind in together)
    alone, more, _ = await read_rows(graph, viewer, wanted, mask=mask)
    found = [_Found(row.order, 0, row) for row in alone]
    if together:
        rows = await graph.range(
            viewer,
            GROUPS,
            after=wanted.after,
            before=wanted.before,
            limit=wanted.limit,
            direction=wanted.direction,
            mask=ASKS | AWAY | sum(kind for kind in KINDS if kind not in together),
        )
        more = more or len(rows) == wanted.limit
        found += [_Found(row.order, row.target, row) for row in rows]
    found.sort(reverse=True)
    if len(found) > wanted.limit:
        more = True
        found = found[: wanted.limit] if wanted.direction is Direction.NEWEST_FIRST else found[-wanted.limit :]
    return found, more


async def _members(
    graph: Graph, viewer: int, found: Sequence[_Found]
) -> tuple[dict[int, list[_Member]], dict[int, int]]:
    """The latest notifications of each row, by its target, and how many there are of each group.

    One engine call if the numbers are cached, and if groups have more than one; one more while groups change.
    """
    members = {one.row.target: [_member(one.row)] for one in found if not one.group}
    rows = {one.group: one.row for one in found if one.group}
    if not rows:
        return members, {}
    sizes = {group: tally.counts[0] for group, tally in (await graph.tallies(rows.keys(), SIZES)).items()}
    many = [group for group, size in sizes.items() if size.length > 1]
    sampled: dict[int, list[_Member]] = defaultdict(list)
    if many:
        merged = await graph.merge(many, GROUPED, limit=SAMPLED, budget=len(many))
        for entry in merged.entries:
            sampled[entry.source].append(_member(entry))
    changing = []
    for group, row in rows.items():
        size = sizes[group]
        if not size.length:
            members[group] = []
        elif sampled[group]:
            members[group] = sampled[group]
        elif size.newest == row.order:
            members[group] = [_Member(row.order, _notice(row))]
        else:
            changing.append(group)
    if changing:
        newest = {sizes[group].newest: group for group in changing}
        members.update((group, []) for group in changing)
        for row in await graph.find(viewer, (NOTIFIED,), list(newest)):
            if not row.flags & UNDONE:
                members[newest[row.target]].append(_member(row))
    return members, {group: size.length for group, size in sizes.items()}


def _member(row: base.Association) -> _Member:
    return _Member(row.target, _notice(row))


def _notice(row: base.Association) -> Notice:
    return read_notice(row.data or "{}")


async def access_group(graph: Graph, viewer: int, key: str) -> Group:
    """All that is told of together under a key.

    :raises NotFound: there is nothing of it.
    """
    alone = ungrouped(key)
    if alone is not None:
        item = await access_notification(graph, viewer, alone)
        return Group(key, item.kind, 1, item.id, item.id, [item.actor], item.post)
    group = group_id(viewer, key)
    rows = await graph.range(group, GROUPED, limit=SAMPLED)
    members = [_member(row) for row in rows]
    eye = await look(graph, viewer, [member.notice for member in members])
    shown = [member for member in members if eye.shows(member.notice)]
    if not shown:
        raise NotFound("Record not found")
    size = (await graph.tallies((group,), SIZES))[group].counts[0].length
    actors = list(dict.fromkeys(member.notice.actor for member in shown))[:SAMPLE]
    post = eye.posts.get(shown[0].notice.post or 0)
    size -= len(members) - len(shown)
    return Group(key, rows[0].flags & OF_KIND, size, shown[0].id, shown[-1].id, actors, post)


async def actors_of(graph: Graph, viewer: int, key: str) -> list[int]:
    """Those who did what is told of together under a key, the latest first.

    :raises NotFound: there is nothing of it.
    """
    if ungrouped(key) is not None:
        return (await access_group(graph, viewer, key)).actors
    rows = await graph.range(group_id(viewer, key), GROUPED, limit=MOST_ACTORS)
    notices = [_notice(row) for row in rows]
    eye = await look(graph, viewer, notices)
    actors = list(dict.fromkeys(notice.actor for notice in notices if eye.shows(notice)))
    if not actors:
        raise NotFound("Record not found")
    return actors


async def count_unread_groups(
    graph: Graph, viewer: int, wanted: Wanted, *, grouped: Collection[int] = GROUPABLE
) -> int:
    """How many groups the viewer is shown above its marker, of `wanted.limit` at most that are looked at.

    An engine call beside those of a page.
    """
    wanted = msgspec.structs.replace(wanted, after=await read_from(graph, viewer))
    return len((await groups(graph, viewer, wanted, grouped=grouped)).items)
