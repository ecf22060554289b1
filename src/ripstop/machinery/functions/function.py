"""Declaring functions and calling them."""

import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, Unpack, get_args, get_origin, get_type_hints

import msgspec

from ripstop.engines.base import Criticality
from ripstop.engines.batch import CallPut
from ripstop.engines.common import call_line
from ripstop.machinery.functions.growth import SlowStart
from ripstop.machinery.functions.outcome import Outcome

A = TypeVar("A")

CALLS_TOPIC = "calls"
"""Bus topic that wakes workers; published after each commit that enqueues a call due at once. Carries nothing."""


class Call(NamedTuple, Generic[A]):
    """One call as its handler sees it.

    `id` is the same at each attempt and serves as a stable id of what the call does to the world outside. `attempt`
    counts from 1. `checkpoint` is the state of the last `Checkpoint`. `deadline` is the instant in milliseconds by
    which the call should have started.
    """

    id: int
    function: str
    arguments: A
    attempt: int
    checkpoint: str | None
    deadline: int


@dataclass(frozen=True, kw_only=True)
class Function(Generic[A]):
    """What runs for a name, and how. Durations are seconds.

    :param name: stored with each call: never reuse one for something else.
    :param arguments: a msgspec Struct, stored as JSON; give new fields a default, so that waiting calls still decode.
    :param handler: runs at least once for each call, on the event loop, and must not block it. It may be cancelled
        at any await: at its time limit, when its lease is lost, at the end of a stop's grace.
    :param criticality: class in which workers take its calls.
    :param deadline: from the call (or the instant it is due) to its start; orders calls within their class.
    :param attempts: starts that may fail before the call is dead.
    :param backoff_base: longest pause after the first failure; doubles with each further one. The pause is drawn
        evenly from zero to this bound ("full jitter"), so that what failed together does not come back together.
    :param backoff_cap: longest pause ever.
    :param time_limit: after so long a run is cancelled, and has failed.
    :param concurrency: how many may run at once in one worker (None: no limit of its own).
    :param rate: how many may start in a second, over all workers (None: no limit of its own).
    :param final: errors after which trying again is of no use: the call is dead at once.
    :param downstreams: names of what it leans on. Under their pressure, all functions that do so start less.
    :param circuit: whether each namespace (a remote host) is a downstream of its own.
    :param exclusive: of calls with the same key no two run at the same time, whatever shard they are of.
    :param slow_start: how fast its starts may grow; None: as `SlowStart()` if it has downstreams or circuits, else as
        fast as they like. An infinite growth sets no bound.
    :param opportunistic: whether it runs on what the others leave, until its deadline comes near. Of the lowest class.
    :param items: for how many items the arguments of a call stand, for the progress of big work; None: for one.
    :param answers: whether what its calls come to is kept for a while, for whoever awaits it (`Caller.result`).
    """

    name: str
    arguments: type[A]
    handler: Callable[[Call[A]], Awaitable[Outcome]]
    criticality: Criticality = Criticality.NORMAL
    deadline: float = 60.0
    attempts: int = 16
    backoff_base: float = 1.0
    backoff_cap: float = 600.0
    time_limit: float = 60.0
    concurrency: int | None = None
    rate: float | None = None
    final: tuple[type[Exception], ...] = ()
    downstreams: tuple[str, ...] = ()
    circuit: bool = False
    exclusive: bool = False
    slow_start: SlowStart | None = None
    opportunistic: bool = False
    items: Callable[[A], int] | None = None
    answers: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("A function needs a name.")
        if not issubclass(self.arguments, msgspec.Struct):
            raise TypeError(f"The arguments of {self.name} must be a msgspec Struct.")
        if self.attempts < 1 or (self.concurrency is not None and self.concurrency < 1):
            raise ValueError(f"{self.name} needs at least one attempt and a concurrency of at least one.")
        if self.rate is not None and self.rate <= 0:
            raise ValueError(f"The rate of {self.name} must be above zero.")
        if min(self.deadline, self.time_limit, self.backoff_base, self.backoff_cap) <= 0:
            raise ValueError(f"The durations of {self.name} must be above zero.")
        if self.slow_start is not None and min(self.slow_start) <= 0:
            raise ValueError(f"The slow start of {self.name} must have a threshold and a growth above zero.")
        if self.opportunistic and self.criticality is not Criticality.LOW:
            raise ValueError(f"{self.name} is opportunistic, so its criticality must be low.")

    @property
    def paced(self) -> SlowStart | None:
        """How fast its starts may grow; None: as they like."""
        slow = self.slow_start
        if slow is None and (self.downstreams or self.circuit):
            return SlowStart()
        return None if slow is not None and math.isinf(slow.growth) else slow


class Attributes(TypedDict, total=False):
    """What `Function` takes beside its name, arguments and handler."""

    criticality: Criticality
    deadline: float
    attempts: int
    backoff_base: float
    backoff_cap: float
    time_limit: float
    concurrency: int | None
    rate: float | None
    final: tuple[type[Exception], ...]
    downstreams: tuple[str, ...]
    circuit: bool
    exclusive: bool
    slow_start: SlowStart | None
    opportunistic: bool
    items: Callable[[Any], int] | None
    answers: bool


def declare(
    name: str, **attributes: Unpack[Attributes]
) -> Callable[[Callable[[Call[A]], Awaitable[Outcome]]], Function[A]]:
    """Declare the async function below as what runs for a name; its parameter is annotated with `Call[Arguments]`."""

    def decorate(handler: Callable[[Call[A]], Awaitable[Outcome]]) -> Function[A]:
        parameters = [hint for place, hint in get_type_hints(handler).items() if place != "return"]
        if len(parameters) != 1 or get_origin(parameters[0]) is not Call:
            raise TypeError(f"{name} must take one parameter, annotated with Call and its arguments.")
        [arguments] = get_args(parameters[0])
        return Function(name=name, arguments=arguments, handler=handler, **attributes)

    return decorate


class Functions:
    """All functions that this program declares, by name. Built by boot and handed to workers."""

    def __init__(self, functions: Iterable[Function[Any]] = ()) -> None:
        self._functions: dict[str, Function[Any]] = {}
        self._lines: dict[int, str] = {}
        for function in functions:
            self.declare(function)

    def declare(self, function: Function[Any]) -> None:
        """Add a function.

        :raises ValueError: another one has this name.
        """
        if function.name in self._functions:
            raise ValueError(f"The function {function.name} is declared twice.")
        line = call_line(function.name)
        if self._lines.setdefault(line, function.name) != function.name:
            raise ValueError(f"{function.name} would share a line with {self._lines[line]}: give it another name.")
        self._functions[function.name] = function

    def get(self, name: str) -> Function[Any] | None:
        """The function of this name, if it is declared."""
        return self._functions.get(name)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._functions)

    def restricted(self) -> list[str]:
        """Names of functions with a limit of their own."""
        return [each.name for each in self._functions.values() if each.concurrency or each.rate or each.paced]

    def opportunistic(self) -> list[Function[Any]]:
        """Those that run on what the others leave."""
        return [each for each in self._functions.values() if each.opportunistic]


def call_put(
    function: Function[A],
    arguments: A,
    *,
    id: int,
    now_ms: int,
    due: int = 0,
    key: str | None = None,
    namespace: str | None = None,
) -> CallPut:
    """The operation that calls a function, for the batch that causes the call.

    :param id: minted in the home shard of that batch.
    :param due: instant from which it may start; 0: at once.
    :param key: coalesce with a call of the same function and key that has not started.
    :param namespace: whose call it is: a tenant, a remote host. Those of one function share what workers take.
    :raises ValueError: the namespace begins with ``#``, as do those of parts.
    """
    if namespace is not None and namespace.startswith("#"):
        raise ValueError(f"The namespace {namespace!r} would be one of parts.")
    return CallPut(
        id=id,
        function=function.name,
        arguments=msgspec.json.encode(arguments).decode(),
        due=due,
        deadline=max(now_ms, due) + round(function.deadline * 1000),
        criticality=int(function.criticality),
        key=key,
        namespace=namespace,
    )
