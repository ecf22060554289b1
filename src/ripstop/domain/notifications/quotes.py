"""Telling people that they are quoted, and that what they quote says something else."""

import msgspec

from ripstop.domain.notifications.model import QUOTE, QUOTED_EDIT, Notice
from ripstop.domain.notifications.telling import Telling
from ripstop.domain.posts.events import PostEdited, PostQuoted, QuoteEnded
from ripstop.domain.posts.model import POST, QUOTED_BY
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import MAX_PARTS, Call, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, Listening, Write

PAGE = MAX_PARTS - 1
"""Quotes that are found in one call: of each one account is told in a call of its own, and the rest is one more."""


class SpreadQuoted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tell who wrote the post `quoting`, or (None) all below the cursor `before` who quote `post`, that its `author`
    edited it; `id` is that of the edit.
    """

    post: int
    author: int
    id: int
    quoting: int | None = None
    before: tuple[int, int] | None = None


class Quoting:
    """The functions that listen to what is quoted."""

    def __init__(self, graph: Graph, telling: Telling) -> None:
        self._graph = graph
        self._telling = telling
        self._spread = Function(
            name="notifications.spread_quoted_edit",
            arguments=SpreadQuoted,
            handler=self._edit_seen,
            criticality=Criticality.LOW,
            deadline=600.0,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions and have them called. Nobody is told of what they do to themselves."""
        functions.declare(self._spread)
        listen = Listening(functions, events)
        listen.to(PostQuoted, self._quoted, name="notifications.quoted", when=lambda event: event.author != event.actor)
        listen.to(
            QuoteEnded,
            self._quote_ended,
            name="notifications.quote_ended",
            when=lambda event: event.author != event.actor,
        )

    def spread_edit(self, write: Write, event: PostEdited) -> None:
        """Have all told who quote an edited post, after this batch."""
        write.call(self._spread, SpreadQuoted(post=event.post, author=event.author, id=event.revision))

    async def _quoted(self, call: Call[PostQuoted]) -> Outcome:
        event = call.arguments
        return await self._telling.tell(event.author, event.quote, QUOTE, Notice(event.actor, event.quoting))

    async def _quote_ended(self, call: Call[QuoteEnded]) -> Outcome:
        return await self._telling.untell(call.arguments.author, call.arguments.quote)

    async def _edit_seen(self, call: Call[SpreadQuoted]) -> Outcome:
        work = call.arguments
        if work.quoting is None:
            return await self._split(work)
        quoting = await self._graph.get(POST, work.quoting)
        if quoting is None or quoting.value.author == work.author:
            return Done()
        return await self._telling.tell(quoting.value.author, work.id, QUOTED_EDIT, Notice(work.author, work.quoting))

    async def _split(self, work: SpreadQuoted) -> Outcome:
        rows = await self._graph.range(work.post, QUOTED_BY, before=work.before, limit=PAGE)
        parts = [msgspec.structs.replace(work, quoting=row.target) for row in rows]
        if len(rows) == PAGE:
            parts.append(msgspec.structs.replace(work, before=(rows[-1].order, rows[-1].target)))
        return Split(parts) if parts else Done()
