"""Domain events and who hears of them.

An event is a struct that an action adds to its batch. *Durable* subscribers are functions: the call is part of the same
batch, so either both happen or none. *Live* subscribers hear of it over the bus after the commit, or never.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from ripstop.machinery.functions import Function

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
