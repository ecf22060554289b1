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
from ripstop.domain.notifications.queries import (
    Eye,
    Wanted,
    access_notification,
    for_viewer,
    look,
    read_from,
    read_rows,
)
from ripstop.domain.notifications.rules import floor_of
from ripstop.domain.viewing import Seen
from ripstop.engines import base
from ripstop.engines.base import MAX_ORDER, Cursor, Direction
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph, Tally

SAMPLE = 8
"""Actors of a group that are named, the latest ones."""
SAMPLED = 400
"""Notifications that are read to find the actors of all groups of a page; of very full ones fewer may be named, and
fewer counted while what was in them before is being removed."""
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


Member = tuple[int, int]
"""A notification in a group: its id, and who did it."""


class _Members(NamedTuple):
    """The latest notifications of a group, how many there are, and the post that all of them are of."""

    latest: list[Member]
    size: int
    post: int | None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Member]).decode


async def groups(graph: Graph, viewer: int, wanted: Wanted, *, grouped: Collection[int] = GROUPABLE) -> Groups:
    """A page of groups; kinds that are not `grouped` stand each for itself. What rules hide is left out.

    When all is cached two engine calls; a third while a group is changing. What one actor did is never in one group
    twice, so that of one actor is read from `NOTIFIED` alone.
    """
    floor = await floor_of(graph, viewer)
    found, more, last = await _read(graph, viewer, wanted.above(floor), grouped)
    allowed = await for_viewer(graph, viewer, [each.row for each in found])
    if len(allowed) < len(found):
        found = [each for each in found if each.row in allowed]
    if not found:
        return Groups([], None, last, more)
    members = await _members(graph, viewer, found, floor)
    actors = {actor for known in members.values() for _, actor in known.latest}
    eye = await look(graph, viewer, actors, [known.post for known in members.values() if known.post is not None])
    lowest, items = found[-1].order if more else 0, []
    for _, group, row in found:
        kind = row.flags & OF_KIND
        is_grouped = bool(group) or (wanted.actor is not None and kind in grouped)
        item = _shown(eye, kind, members[row.target], lowest=lowest, is_grouped=is_grouped)
        if item is not None:
            items.append(item)
    return Groups(items, found[0].order, last, more)


def _shown(eye: Eye, kind: int, members: _Members, *, lowest: int = 0, is_grouped: bool = True) -> Group | None:
    """A group as the viewer is to see it; None if there is nothing of it that it may see."""
    latest, size, post = members
    if not latest or (post is not None and post not in eye.posts):
        return None
    shown = [member for member in latest if member[1] not in eye.unwanted] if eye.unwanted else latest
    if not shown:
        return None
    newest, oldest = shown[0][0], shown[-1][0]
    if oldest < lowest:
        oldest = min([id_ for id_, _ in shown if id_ >= lowest], default=newest)
    return Group(
        group_key(kind, newest, post) if is_grouped else f"ungrouped-{newest}",
        kind,
        size - len(latest) + len(shown),
        newest,
        oldest,
        list(dict.fromkeys([actor for _, actor in shown]))[:SAMPLE],
        None if post is None else eye.posts[post],
    )


async def _read(
    graph: Graph, viewer: int, wanted: Wanted, grouped: Collection[int]
) -> tuple[list[_Found], bool, int | None]:
    """The rows of a page, newest first, whether there may be more, and the order of the lowest that was looked at.

    Two engine calls, or those of `read_rows`.
    """
    together = [kind for kind in grouped if kind in wanted.kinds and kind in GROUPABLE]
    if wanted.actor is not None:
        together = []
    mask = wanted.hidden | sum(kind << IN_GROUP for kind in together)
    alone, more, last = await read_rows(graph, viewer, wanted, mask=mask)
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
    if found and (wanted.actor is None or wanted.direction is Direction.OLDEST_FIRST):
        last = found[-1].order
    return found, more, last


async def _members(graph: Graph, viewer: int, found: Sequence[_Found], floor: int) -> dict[int, _Members]:
    """What is in each group above the floor, by the target of its row.

    None if it is cached; else one engine call for the numbers, one where groups have more than one, and one more while
    groups change.
    """
    members = {}
    groups: dict[int, base.Association] = {}
    for _, group, row in found:
        if group:
            groups[group] = row
        else:
            notice = _notice(row)
            members[row.target] = _Members([(row.target, notice.actor)], 1, notice.post)
    if not groups:
        return members
    if floor:  # the numbers are those of before
        latest = await latest_members(graph, list(groups), after=(floor, MAX_ORDER))
        return members | {
            group: _Members(latest[group], len(latest[group]), _notice(row).post) for group, row in groups.items()
        }
    tallies = await graph.tallies(groups.keys(), SIZES)
    await _sample(graph, [tally for tally in tallies.items() if tally[1].counts[0].length > 1])
    changing = {}
    for group, row in groups.items():
        tally, notice = tallies[group], _notice(row)
        size, newest = tally.counts[0]
        sampled = tally.rendered.get("members")
        if sampled is not None:
            members[group] = _Members(_decode(sampled), size, notice.post)
        elif size and newest == row.order:
            members[group] = _Members([(newest, notice.actor)], size, notice.post)
        else:
            members[group] = _Members([], size, notice.post)
            if size:
                changing[newest] = group
    if changing:
        for row in await graph.find(viewer, (NOTIFIED,), list(changing)):
            if not row.flags & UNDONE:
                members[changing[row.target]].latest.append((row.target, _notice(row).actor))
    return members


async def _sample(graph: Graph, tallies: Sequence[tuple[int, Tally]]) -> None:
    """Keep with the number of each group which its latest are. One engine call if any is not kept."""
    missing = {group: tally for group, tally in tallies if "members" not in tally.rendered}
    if not missing:
        return
    for group, members in (await latest_members(graph, list(missing))).items():
        graph.keep_rendered(missing[group], "members", _encode(members))


async def latest_members(
    graph: Graph, groups: Sequence[int], *, after: Cursor | None = None
) -> defaultdict[int, list[Member]]:
    """The latest notifications of each group, or request, `SAMPLED` of all together. One engine call."""
    latest: defaultdict[int, list[Member]] = defaultdict(list)
    found = await graph.merge(groups, GROUPED, after=after, limit=SAMPLED, budget=len(groups))
    for row in found.entries:
        latest[row.source].append((row.target, _notice(row).actor))
    return latest


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
    group, floor = group_id(viewer, key), await floor_of(graph, viewer)
    after = (floor, MAX_ORDER) if floor else None
    rows = await for_viewer(graph, viewer, await graph.range(group, GROUPED, after=after, limit=SAMPLED))
    if not rows:
        raise NotFound("Record not found")
    post, latest = _notice(rows[0]).post, [(row.target, _notice(row).actor) for row in rows]
    eye = await look(graph, viewer, {actor for _, actor in latest}, [] if post is None else [post])
    size = len(rows) if floor else (await graph.tallies((group,), SIZES))[group].counts[0].length
    found = _shown(eye, rows[0].flags & OF_KIND, _Members(latest, size, post))
    if found is None:
        raise NotFound("Record not found")
    return found


async def actors_of(graph: Graph, viewer: int, key: str) -> list[int]:
    """Those who did what is told of together under a key, the latest first.

    :raises NotFound: there is nothing of it.
    """
    if ungrouped(key) is not None:
        return (await access_group(graph, viewer, key)).actors
    floor, group = await floor_of(graph, viewer), group_id(viewer, key)
    after = (floor, MAX_ORDER) if floor else None
    rows = await for_viewer(graph, viewer, await graph.range(group, GROUPED, after=after, limit=MOST_ACTORS))
    notices = [_notice(row) for row in rows]
    posts = [notice.post for notice in notices[:1] if notice.post is not None]
    eye = await look(graph, viewer, {notice.actor for notice in notices}, posts)
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
