"""What is done about follows, blocks and mutes in the background."""

from ripstop.domain.follows.actions import sever_write
from ripstop.domain.follows.events import Blocked, Muted
from ripstop.domain.follows.model import MUTES
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome, Snooze
from ripstop.machinery.graph import Events, Graph


class Severing:
    """Ends the follow of somebody who was blocked, and mutes whose time is over."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        sever = Function(
            name="follows.sever", arguments=Blocked, handler=self._sever, criticality=Criticality.HIGH, deadline=10.0
        )
        unmute = Function(name="follows.end_mute", arguments=Muted, handler=self._end_mute, criticality=Criticality.LOW)
        for function in (sever, unmute):
            functions.declare(function)
        events.durable(Blocked, sever)
        events.durable(Muted, unmute)

    async def _sever(self, call: Call[Blocked]) -> Outcome:
        write = await sever_write(self._graph, call.arguments.blocked, call.arguments.blocker)
        return Done(None if write is None else write.batch())

    async def _end_mute(self, call: Call[Muted]) -> Outcome:
        mute = call.arguments
        left = mute.until - self._graph.now_ms()
        if left > 0:
            return Snooze(left / 1_000)
        rows = await self._graph.find(mute.muter, (MUTES,), (mute.muted,))
        if not any(row.order == mute.mute for row in rows):  # undone, or muted anew
            return Done()
        write = self._graph.write(mute.muter)
        write.remove(MUTES, mute.muter, mute.muted)
        return Done(write.batch())
