"""What operators set while the system runs: it takes effect in all workers within a second, and survives restarts."""

from collections.abc import Callable, Sequence

import msgspec

from ripstop.engines.base import Store
from ripstop.engines.batch import AnyOperation, Batch, ObjectPatch, ObjectPut
from ripstop.kernel.errors import Conflict
from ripstop.machinery.bus import Bus

STEERING = 1
"""The id of the one object that holds it all, and in whose shard, the first, nothing else of ours lives."""

STEERING_TYPE = 1_000
"""Its type; those below belong to whoever uses the store beside this package."""

STEERING_TOPIC = "calls.steering"
"""Bus topic that tells workers to look; carries nothing."""

_TRIES = 5


class Steer(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one function is steered. None: as it is declared.

    :ivar paused: no call of it is started; those that run go on.
    :ivar rate: starts per second, over all workers.
    :ivar concurrency: how many may run at once in one worker.
    :ivar paused_namespaces: no call of these is started.
    :ivar growth: by what share it may grow in a minute; what grows as it likes starts slowly then.
    :ivar cancelled: calls that end without an effect when they would start, with all their parts.
    """

    paused: bool = False
    rate: float | None = None
    concurrency: int | None = None
    paused_namespaces: tuple[str, ...] = ()
    cancelled: tuple[int, ...] = ()
    growth: float | None = None

    def with_paused(self, namespace: str) -> "Steer":
        """The same with a namespace paused."""
        return msgspec.structs.replace(self, paused_namespaces=tuple(sorted({*self.paused_namespaces, namespace})))

    def without_paused(self, namespace: str) -> "Steer":
        """The same with a namespace that is not."""
        return msgspec.structs.replace(self, paused_namespaces=tuple(sorted({*self.paused_namespaces} - {namespace})))

    def with_cancelled(self, call: int) -> "Steer":
        """The same with a call that is cancelled."""
        return msgspec.structs.replace(self, cancelled=tuple(sorted({*self.cancelled, call})))

    def without_cancelled(self, call: int) -> "Steer":
        """The same with a call that is not."""
        return msgspec.structs.replace(self, cancelled=tuple(sorted({*self.cancelled} - {call})))

    def in_words(self) -> str:
        """What differs from the declaration."""
        words = ["paused"] if self.paused else []
        if self.paused_namespaces:
            words.append(f"paused for {', '.join(self.paused_namespaces)}")
        if self.cancelled:
            words.append(f"cancelled: {', '.join(map(str, self.cancelled))}")
        if self.rate is not None:
            words.append(f"at most {self.rate:g} starts a second")
        if self.concurrency is not None:
            words.append(f"at most {self.concurrency} at once in a worker")
        if self.growth is not None:
            words.append(f"may grow by {self.growth:.0%} in a minute")
        return ", ".join(words) or "as declared"


UNSTEERED = Steer()

_decode = msgspec.json.Decoder(dict[str, Steer]).decode
_encode = msgspec.json.Encoder().encode


async def steering(store: Store) -> dict[str, Steer]:
    """How functions are steered, by name; those that are not are absent."""
    found = (await store.object_get([STEERING])).get(STEERING)
    return {} if found is None else _decode(found.data)


async def steer(store: Store, bus: Bus | None, function: str, **changes: object) -> Steer:
    """Set these fields for a function; what is not named stays. Returns and raises as `change`."""
    return await change(store, bus, function, lambda now: msgspec.structs.replace(now, **changes))


async def pause(store: Store, bus: Bus | None, function: str, namespace: str) -> Steer:
    """Start no more calls of one namespace of a function; those that run go on. Returns and raises as `change`."""
    return await change(store, bus, function, lambda now: now.with_paused(namespace))


async def resume(store: Store, bus: Bus | None, function: str, namespace: str) -> Steer:
    """Start calls of a paused namespace again. Returns and raises as `change`."""
    return await change(store, bus, function, lambda now: now.without_paused(namespace))


async def change(
    store: Store,
    bus: Bus | None,
    function: str,
    how: Callable[[Steer], Steer],
    *,
    also: Sequence[AnyOperation] = (),
) -> Steer:
    """Change how a function is steered; returns how it is steered now. Nothing is written if it is so already.

    :param how: makes the new from the old, anew where others have changed it meanwhile.
    :param also: what is written with the change, in the same batch: operations whose home is the first shard.
    :raises ValueError: a number that makes no sense.
    :raises Conflict: others change it at the same time, again and again.
    """
    for _ in range(_TRIES):
        found = (await store.object_get([STEERING])).get(STEERING)
        known = {} if found is None else _decode(found.data)
        before = known.get(function, UNSTEERED)
        new = how(before)
        if new == before:
            return new
        if (new.rate is not None and new.rate <= 0) or (new.concurrency is not None and new.concurrency < 1):
            raise ValueError("A rate must be above zero and a concurrency at least one; to stop a function, pause it.")
        if new.growth is not None and new.growth <= 0:
            raise ValueError("A growth must be above zero.")
        entry = _encode({function: None if new == UNSTEERED else new}).decode()
        operation: AnyOperation
        if found is None:
            operation = ObjectPut(STEERING, STEERING_TYPE, _encode({function: new}).decode())
        else:
            operation = ObjectPatch(STEERING, entry, found.version)
        [outcome] = await store.commit([Batch(0, [operation, *also])])
        if outcome.applied:
            if bus is not None:
                bus.publish(STEERING_TOPIC)
            return new
    raise Conflict("Others steer functions at the same time.")
