"""Domain events and who hears of them.

An event is a struct that an action adds to its batch. *Durable* subscribers are functions: the call is part of the same
batch, so either both happen or none; it may be one that waits for an instant that the event names. *Live* subscribers
hear of it over the bus after the commit, or never.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, Unpack

import msgspec

from ripstop.kernel.clock import Clock
from ripstop.machinery.functions import Attributes, Call, Function, Functions, Outcome, Snooze

E = TypeVar("E", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Durable:
    """A function that is called for an event, if `when` agrees, and starts at the instant `due`."""

    function: Function[Any]
    when: Callable[[Any], bool] | None
    due: Callable[[Any], int] | None
    namespace: Callable[[Any], str] | None


class Wanted(NamedTuple):
    """That a function is to be called for an event: not before the instant `due` (0: at once), for whom if said."""

    function: Function[Any]
    due: int = 0
    namespace: str | None = None


class Events:
    """The subscribers, registered at boot; afterwards only read."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._durable: dict[type[msgspec.Struct], list[Durable]] = {}
        self._live: dict[type[msgspec.Struct], list[Callable[[Any], str]]] = {}

    def durable(
        self,
        event: type[E],
        function: Function[E],
        *,
        when: Callable[[E], bool] | None = None,
        due: Callable[[E], int] | None = None,
        namespace: Callable[[E], str] | None = None,
    ) -> None:
        """Call `function` with each such event that `when` agrees to, in the batch that causes it.

        :param due: the instant, in milliseconds, before which it is not to start; None: at once.
        :param namespace: whose call it is, such as a remote host; None: nobody's in particular.
        """
        self._durable.setdefault(event, []).append(Durable(function, when, due, namespace))

    def live(self, event: type[E], topic: Callable[[E], str]) -> None:
        """Publish each such event, as JSON, on the bus topic that `topic` names."""
        self._live.setdefault(event, []).append(topic)

    def calls_for(self, event: msgspec.Struct) -> list[Wanted]:
        """The functions to be called for an event."""
        listening = self._durable.get(type(event))
        if listening is None:
            return []
        return [
            Wanted(
                each.function,
                0 if each.due is None else each.due(event),
                None if each.namespace is None else each.namespace(event),
            )
            for each in listening
            if each.when is None or each.when(event)
        ]

    def topics_for(self, event: msgspec.Struct) -> list[str]:
        live = self._live.get(type(event))
        return [] if live is None else [topic(event) for topic in live]


class Listening(NamedTuple):
    """Declares functions, and has them called for events."""

    functions: Functions
    events: Events

    def to(
        self,
        event: type[E],
        handler: Callable[[Call[E]], Awaitable[Outcome]],
        *,
        name: str,
        when: Callable[[E], bool] | None = None,
        due: Callable[[E], int] | None = None,
        **attributes: Unpack[Attributes],
    ) -> None:
        """Declare a function that is called with each such event, in the batch that causes it, if `when` agrees.

        :param due: the instant, in milliseconds on the clock of whoever emits the event, before which the handler is
            not to run; None: at once.
        :raises ValueError: another function has this name.
        """
        if due is not None:
            handler = _not_before(due, handler, self.events.clock)
        function = Function(name=name, arguments=event, handler=handler, **attributes)
        self.functions.declare(function)
        self.events.durable(event, function, when=when, due=due)


def _not_before(
    due: Callable[[E], int], handler: Callable[[Call[E]], Awaitable[Outcome]], clock: Clock
) -> Callable[[Call[E]], Awaitable[Outcome]]:
    """The handler, but for calls that come early: the engine's clock differs from ours, or they were put at once."""

    async def handle(call: Call[E]) -> Outcome:
        left = due(call.arguments) - clock.now_ms()
        return Snooze(left / 1_000) if left > 0 else await handler(call)

    return handle
