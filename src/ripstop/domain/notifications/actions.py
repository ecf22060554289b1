"""Putting away what one was told, and answering requests to be told."""

from collections.abc import Collection, Sequence

from ripstop.domain.notifications.events import Admitted, Cleared, Discarded, Unsettled
from ripstop.domain.notifications.model import (
    ADMITS,
    ASKS,
    AWAY,
    FLOOR,
    GROUPED,
    GROUPS,
    NOTIFIED,
    UNDONE,
    group_id,
    read_head,
    ungrouped,
)
from ripstop.domain.notifications.rules import floor_of
from ripstop.domain.notifications.telling import remove
from ripstop.engines import base
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph, Write

AT_ONCE = 30
"""Notifications of a group that are removed at once: each is two rows (SQLite: a batch changes at most 100 rows)."""


async def dismiss(graph: Graph, account: int, id_: int) -> None:
    """Put one away. One engine call and a commit; one that is not there is put away already."""
    rows = [row for row in await graph.find(account, (NOTIFIED,), (id_,)) if not row.flags & UNDONE]
    if rows:
        write = graph.write(account)
        for group in remove(write, rows[0]):
            write.emit(Unsettled(account=account, group=group))
        await graph.commit(write)


async def clear(graph: Graph, account: int) -> None:
    """Put away all that there is. One engine call and a commit; a function removes it, and is shown no more from now
    on."""
    rows = await graph.range(account, NOTIFIED, limit=1, mask=UNDONE)
    if rows:
        newest = rows[0].order
        write = graph.write(account)
        write.put(ADMITS, account, FLOOR, order=newest, rising=True)
        write.emit(Cleared(account=account, upto=newest))
        await graph.commit(write)


async def dismiss_group(graph: Graph, account: int, key: str) -> None:
    """Put away all that is told of together under this key.

    Two engine calls and a commit; a function removes what is more than `AT_ONCE`, and is shown no more from now on.
    """
    if (id_ := ungrouped(key)) is not None:
        await dismiss(graph, account, id_)
        return
    group = group_id(account, key)
    rows = [row for row in await graph.find(account, (GROUPS,), (group,)) if not row.flags & AWAY]
    if rows:
        write = graph.write(account)
        await _discard(graph, write, rows[0])
        await graph.commit(write)


async def _discard(graph: Graph, write: Write, row: base.Association) -> None:
    """Add to a batch what puts away a group or a request: the newest at once, the others by a function."""
    account, group = row.source, row.target
    newest = row.order
    for member in await graph.range(group, GROUPED, limit=AT_ONCE):
        newest = max(newest, member.order)  # the row may be behind
        write.remove(NOTIFIED, account, member.target)
        write.remove(GROUPED, group, member.target)
    write.put(GROUPS, account, group, order=row.order, flags=row.flags | AWAY)
    write.emit(Discarded(account=account, group=group, upto=newest))


async def admit(graph: Graph, account: int, request: int) -> None:
    """Be told what somebody does, whatever the rules say, and what they have held back. One engine call and a commit.

    :raises NotFound: there is no such request.
    """
    if not await admit_all(graph, account, (request,)):
        raise NotFound("Record not found")


async def admit_all(graph: Graph, account: int, requests: Collection[int]) -> bool:
    """As `admit`, those of several requests that are there; says whether any is."""
    rows = await _requests(graph, account, requests)
    write = graph.write(account)
    for row in rows:
        actor = read_head(row.data or "{}").actor
        write.put(ADMITS, account, actor, order=write.new_id(), if_absent=True)
        write.put(GROUPS, account, row.target, order=row.order, flags=ASKS | AWAY)
        write.emit(Admitted(account=account, request=row.target))
    return await _commit(graph, write, rows)


async def refuse(graph: Graph, account: int, request: int) -> None:
    """Put away what the rules have held back of somebody. Two engine calls and a commit.

    :raises NotFound: there is no such request.
    """
    if not await refuse_all(graph, account, (request,)):
        raise NotFound("Record not found")


async def refuse_all(graph: Graph, account: int, requests: Collection[int]) -> bool:
    """As `refuse`, those of several requests that are there; says whether any is. Nothing is removed at once."""
    rows = await _requests(graph, account, requests)
    write = graph.write(account)
    for row in rows:
        write.put(GROUPS, account, row.target, order=row.order, flags=ASKS | AWAY)
        write.emit(Discarded(account=account, group=row.target, upto=row.order))
    return await _commit(graph, write, rows)


async def _requests(graph: Graph, account: int, requests: Collection[int]) -> list[base.Association]:
    rows = await graph.find(account, (GROUPS,), list(dict.fromkeys(requests))) if requests else []
    floor = await floor_of(graph, account) if rows else 0
    return [row for row in rows if row.flags & ASKS and not row.flags & AWAY and row.order > floor]


async def _commit(graph: Graph, write: Write, rows: Sequence[base.Association]) -> bool:
    if not rows:
        return False
    await graph.commit(write)
    return True
