"""Putting away what one was told."""

from ripstop.domain.notifications.model import NOTIFIED
from ripstop.engines.base import Lane
from ripstop.machinery.graph import Graph

AT_ONCE = 100
"""Rows that one batch removes (WAIST.md, SQLite: operations of background lanes have at most 100 rows)."""


async def dismiss(graph: Graph, account: int, id_: int) -> None:
    """Put one away. One commit; one that is not there is put away already."""
    write = graph.write(account)
    write.remove(NOTIFIED, account, id_)
    await graph.commit(write)


async def clear(graph: Graph, account: int) -> None:
    """Put all away: what there is as it begins, a read and a commit for each hundred."""
    before = (graph.new_id(0), 0)
    while True:
        rows = await graph.range(account, NOTIFIED, before=before, limit=AT_ONCE)
        if rows:
            write = graph.write(account)
            for row in rows:
                write.remove(NOTIFIED, account, row.target)
            await graph.commit(write, lane=Lane.BACKGROUND)
            before = (rows[-1].order, rows[-1].target)
        if len(rows) < AT_ONCE:
            return
