"""Domain events and who hears of them.

An event is a struct that an action adds to its batch. *Durable* subscribers are functions: the call is part of the same
batch, so either both happen or none. *Live* subscribers hear of it over the bus after the commit, or never.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, Unpack

import msgspec

from ripstop.machinery.functions import Attributes, Call, Function, Functions, Outcome

E = TypeVar("E", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Durable:
    """A function that is called for an event, if `when` agrees."""

    function: Function[Any]
    when: Callable[[Any], bool] | None


class Events:
    """The subscribers, registered at boot; afterwards only read."""

    def __init__(self) -> None:
        self._durable: dict[type[msgspec.Struct], list[Durable]] = {}
        self._live: dict[type[msgspec.Struct], list[Callable[[Any], str]]] = {}

    def durable(self, event: type[E], function: Function[E], *, when: Callable[[E], bool] | None = None) -> None:
        """Call `function` with each such event, in the batch that causes it."""
        self._durable.setdefault(event, []).append(Durable(function, when))

    def live(self, event: type[E], topic: Callable[[E], str]) -> None:
        """Publish each such event, as JSON, on the bus topic that `topic` names."""
        self._live.setdefault(event, []).append(topic)

    def functions_for(self, event: msgspec.Struct) -> list[Function[Any]]:
        return [d.function for d in self._durable.get(type(event), ()) if d.when is None or d.when(event)]

    def topics_for(self, event: msgspec.Struct) -> list[str]:
        return [topic(event) for topic in self._live.get(type(event), ())]


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
        **attributes: Unpack[Attributes],
    ) -> None:
        """Declare a function that is called with each such event, in the batch that causes it, if `when` agrees.

        :raises ValueError: another function has this name.
        """
        function = Function(name=name, arguments=event, handler=handler, **attributes)
        self.functions.declare(function)
        self.events.durable(event, function, when=when)
