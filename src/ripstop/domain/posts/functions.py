"""What is done about posts in the background: what a deleted post leaves behind goes, others' likes too."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from ripstop.domain.posts.actions import do_unrepost
from ripstop.domain.posts.attachments import release
from ripstop.domain.posts.edits import MOST_EDITS
from ripstop.domain.posts.events import PostDeleted
from ripstop.domain.posts.model import LIKED, LIKED_BY, REPOSTED_BY, REVISED, REVISION
from ripstop.engines.base import Criticality
from ripstop.engines.batch import Batch
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions import MAX_PARTS, Call, Checkpoint, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, Listening

FEW = 20
"""Pictures that one batch lets go of."""
PAGE = MAX_PARTS - 1
"""Rows that are looked at in one call: at worst each lives in a shard of its own, and the rest is one more part."""


class Forget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Take rows of a deleted post out of the lists of those who liked it, or (`reposts`) passed it on.

    With `rows`, pairs of (order, account) in one shard: those. Without: all below the cursor `before`.
    """

    post: int
    reposts: bool = False
    before: tuple[int, int] | None = None
    rows: tuple[tuple[int, int], ...] = ()


class Forgetting:
    """Clears up after deleted posts, page by page, each row in a batch of its own shard."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._forget = Function(
            name="posts.forget_rows",
            arguments=Forget,
            handler=self._forget_rows,
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called when a post is deleted."""
        functions.declare(self._forget)
        Listening(functions, events).to(
            PostDeleted,
            self._begin,
            name="posts.forget",
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )

    async def _begin(self, call: Call[PostDeleted]) -> Outcome:
        post = call.arguments.post
        if call.arguments.edited and (released := await self._release(post)) is not None:
            return released
        counts = await self._graph.counts((post,), (LIKED_BY, REPOSTED_BY))
        write = self._graph.write(post)
        for association, reposts in ((LIKED_BY, False), (REPOSTED_BY, True)):
            if (post, association.number) in counts:
                write.call(self._forget, Forget(post=post, reposts=reposts))
        if call.arguments.edited:
            for row in await self._graph.range(post, REVISED, limit=MOST_EDITS):
                write.delete(row.target)
                write.remove(REVISED, post, row.target)
        return Done(write.batch() if write.operations else None)

    async def _release(self, post: int) -> Outcome | None:
        """Some of the pictures that revisions show and the post did not; None where there are none left."""
        rows = await self._graph.range(post, REVISED, limit=MOST_EDITS)
        revisions = await self._graph.get_many(REVISION, [row.target for row in rows])
        ids = {one.id for revision in revisions.values() for one in revision.value.media}
        write = self._graph.write(post)
        if not await release(self._graph, write, post, sorted(ids), keep_ms=0, most=FEW):
            return None
        return Checkpoint("", write.batch(), write.live)

    async def _forget_rows(self, call: Call[Forget]) -> Outcome:
        work = call.arguments
        if work.rows:
            return Done(self._removal(work))
        association = REPOSTED_BY if work.reposts else LIKED_BY
        found = await self._graph.range(work.post, association, before=work.before, limit=PAGE)
        by_shard: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for row in found:
            by_shard[shard_of(row.target)].append((row.order, row.target))
        parts = [Forget(post=work.post, reposts=work.reposts, rows=tuple(rows)) for rows in by_shard.values()]
        if len(found) == PAGE:
            last = found[-1]
            parts.append(Forget(post=work.post, reposts=work.reposts, before=(last.order, last.target)))
        return Split(parts) if parts else Done()

    def _removal(self, work: Forget) -> Batch:
        write = self._graph.write(_home(work.rows))
        for order, account in work.rows:
            if work.reposts:
                do_unrepost(write, account, order, work.post)
            else:
                write.remove(LIKED, account, work.post)
        return write.batch()


def _home(rows: Sequence[tuple[int, int]]) -> int:
    return rows[0][1]
