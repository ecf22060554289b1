"""What an engine must do, as plainly as it can be said: the protocol over a few dicts in memory.

It is slow, forgets everything and knows no files, deadlines or derived data. The contract suite runs on it like on
any engine, and the model-based suite compares the engines with it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ripstop.engines.base import (
    Association,
    CallLimit,
    CallState,
    Count,
    Counted,
    Cursor,
    Direction,
    FunctionBacklog,
    Lane,
    LeasedCall,
    Leases,
    Merge,
    Name,
    Object,
    Schema,
)
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
    CallAgain,
    CallDead,
    CallDone,
    CallPut,
    CheckAssociation,
    CheckLease,
    CheckName,
    CheckObject,
    Condition,
    NameSet,
    ObjectDelete,
    ObjectPatch,
    ObjectPut,
    Outcome,
)
from ripstop.kernel.clock import Clock
from ripstop.kernel.ids import shard_of


class Refused(Exception):
    """The precondition of an operation does not hold."""


@dataclass(frozen=True)
class Call:
    put: CallPut
    state: CallState
    due: int
    attempt: int = 1
    token: int = 0
    lease_until: int = 0
    checkpoint: str | None = None


@dataclass
class State:
    """All rows. The values are immutable, so that a shallow copy is a snapshot."""

    objects: dict[int, Object] = field(default_factory=dict)
    tombstones: set[int] = field(default_factory=set)
    associations: dict[tuple[int, int, int], Association] = field(default_factory=dict)
    names: dict[str, Name] = field(default_factory=dict)
    calls: dict[int, Call] = field(default_factory=dict)

    def snapshot(self) -> State:
        return State(*(copy.copy(each) for each in vars(self).values()))


class Model:
    """The operations of `ripstop.engines.base.Engine` on objects, associations, names and calls."""

    def __init__(self, schema: Schema, clock: Clock) -> None:
        self._types = schema.associations
        self._clock = clock
        self.state = State()

    async def now_ms(self) -> int:
        return self._clock.now_ms()

    # Writes

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = 2.0
    ) -> list[Outcome]:
        return [self._apply(batch) for batch in batches]

    def _apply(self, batch: Batch) -> Outcome:
        failing = self._first_failing_check(batch.operations)
        before = self.state.snapshot()
        changed: list[int] = []
        for index, operation in enumerate(batch.operations):
            try:
                if index == failing:
                    raise Refused
                changed.append(0 if isinstance(operation, Condition) else self._do(operation))
            except Refused:
                self.state = before
                return Outcome((), index)
        return Outcome(tuple(changed))

    def _first_failing_check(self, operations: Sequence[AnyOperation]) -> int | None:
        """Checks are judged before anything is applied, wherever in the batch they stand."""
        for index, operation in enumerate(operations):
            if isinstance(operation, Condition) and not self._holds(operation):
                return index
        return None

    def _holds(self, condition: Condition) -> bool:
        match condition:
            case CheckObject(id=id, version=version):
                found = self.state.objects.get(id)
                return found is not None and version in (None, found.version)
            case CheckName(name=name, holder=holder):
                return self._holder(name) == holder
            case CheckAssociation(source=source, type=type, target=target, present=present, order=order):
                there = self.state.associations.get((source, type, target))
                return (there is not None) == present and (there is None or order in (None, there.order))
            case CheckLease(call=id, token=token):
                held = self.state.calls.get(id)
                return held is not None and held.state == CallState.LEASED and held.token == token

    def _do(self, operation: AnyOperation) -> int:
        match operation:
            case ObjectPut(id=id, type=type, data=data):
                if id in self.state.objects or id in self.state.tombstones:
                    raise Refused
                self.state.objects[id] = Object(id, type, 1, data)
            case ObjectPatch():
                self._patch(operation)
            case ObjectDelete(id=id):
                if self.state.objects.pop(id, None) is None:
                    return 0
                self.state.tombstones.add(id)
            case AssociationPut():
                return self._put(operation)
            case AssociationDelete(source=source, type=type, target=target):
                present = (source, type, target) in self.state.associations
                for key in self._halves(source, type, target):
                    self.state.associations.pop(key, None)
                return int(present)
            case NameSet(name=name, expected=expected, holder=holder, expires=expires):
                if self._holder(name) != expected:
                    raise Refused
                self.state.names.pop(name, None)
                if holder is not None:
                    self.state.names[name] = Name(name, holder, expires)
            case CallPut():
                return self._enqueue(operation)
            case CallDone() | CallAgain() | CallDead():
                self._finish(operation)
        return 1

    def _patch(self, operation: ObjectPatch) -> None:
        found = self.state.objects.get(operation.id)
        if found is None or operation.version not in (None, found.version):
            raise Refused
        fields = {**json.loads(found.data), **json.loads(operation.patch)}
        data = json.dumps({name: value for name, value in fields.items() if value is not None})
        self.state.objects[found.id] = found._replace(version=found.version + 1, data=data)

    def _put(self, operation: AssociationPut) -> int:
        halves = self._halves(operation.source, operation.type, operation.target)
        there = self.state.associations.get(halves[0])
        present = there is not None
        is_left = there is not None and (operation.if_absent or (operation.rising and there.order >= operation.order))
        if not is_left:
            for source, type, target in halves:
                self.state.associations[source, type, target] = Association(
                    source, type, target, operation.order, operation.flags, operation.data
                )
        return int(not present)

    def _halves(self, source: int, type: int, target: int) -> list[tuple[int, int, int]]:
        """The keys of an association and of its inverse, if it has one."""
        inverse = self._types[type].inverse
        return [(source, type, target)] + ([(target, inverse, source)] if inverse is not None else [])

    def _holder(self, name: str) -> int | None:
        found = self.state.names.get(name)
        return found.holder if found and self._lives(found) else None

    def _lives(self, name: Name) -> bool:
        return name.expires is None or name.expires > self._clock.now_ms()

    def _enqueue(self, operation: CallPut) -> int:
        if operation.key is not None and any(
            (call.put.function, call.put.key) == (operation.function, operation.key)
            and call.state in (CallState.WAITING, CallState.READY)
            and shard_of(id) == shard_of(operation.id)
            for id, call in self.state.calls.items()
        ):
            return 0
        self.state.calls[operation.id] = Call(operation, self._state_at(operation.due), operation.due)
        return 1

    def _state_at(self, due: int) -> CallState:
        return CallState.READY if due <= self._clock.now_ms() else CallState.WAITING

    def _finish(self, operation: CallDone | CallAgain | CallDead) -> None:
        found = self.state.calls.get(operation.call)
        endable = {CallState.LEASED} if isinstance(operation, CallDead) else {CallState.LEASED, CallState.DEAD}
        if found is None or found.state not in endable or found.token != operation.token:
            raise Refused
        del self.state.calls[operation.call]
        match operation:
            case CallAgain(due=due, attempt=attempt, checkpoint=checkpoint):
                self.state.calls[operation.call] = replace(
                    found, state=self._state_at(due), due=due, attempt=attempt, checkpoint=checkpoint
                )
            case CallDead():
                self.state.calls[operation.call] = replace(found, state=CallState.DEAD)

    async def call_lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        seconds: float,
        shards: tuple[int, int] = (0, 1024),
        renew: Sequence[tuple[int, int]] = (),
        limits: Sequence[CallLimit] = (),
    ) -> Leases:
        now = self._clock.now_ms()
        until = now + round(seconds * 1000)
        calls = self.state.calls
        lost = []
        for id, token in renew:
            if self._holds(CheckLease(id, token)):
                calls[id] = replace(calls[id], lease_until=until)
            else:
                lost.append(id)
        due = [
            call.put
            for call in calls.values()
            if call.put.criticality in classes
            and shards[0] <= shard_of(call.put.id) < shards[1]
            and (
                (call.state in (CallState.WAITING, CallState.READY) and call.due <= now)
                or (call.state == CallState.LEASED and call.lease_until <= now)
            )
        ]
        due.sort(key=lambda put: (put.criticality, put.deadline, put.id))
        chosen = _choose(due, max(0, limit), limits)
        for put in chosen:
            found = calls[put.id]
            calls[put.id] = replace(found, state=CallState.LEASED, token=found.token + 1, lease_until=until)
        return Leases([self._as_leased(calls[put.id]) for put in chosen], lost)

    @staticmethod
    def _as_leased(call: Call) -> LeasedCall:
        put = call.put
        return LeasedCall(
            put.id, call.token, put.function, put.arguments, call.checkpoint, call.attempt, call.due, put.deadline,
            put.criticality, put.key, call.lease_until, put.namespace, put.parent,
        )  # fmt: skip

    # Reads

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        return {id: self.state.objects[id] for id in ids if id in self.state.objects}

    async def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        keys = [(source, type, target) for type in types for target in targets]
        return [self.state.associations[key] for key in keys if key in self.state.associations]

    async def assoc_range(
        self,
        source: int,
        type: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
        mask: int = 0,
        match: int = 0,
    ) -> list[Association]:
        found = [row for row in self._list(source, type) if _between(row, after, before) and row.flags & mask == match]
        found.sort(key=_place, reverse=direction is Direction.NEWEST_FIRST)
        return found[:limit]

    async def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        counts = {}
        for type in types:
            if self._types[type].counted is Counted.NO:
                continue
            for source in sources:
                orders = [row.order for row in self._list(source, type)]
                if orders:
                    counts[source, type] = Count(len(orders), max(orders))
        return counts

    async def assoc_merge(
        self,
        sources: Sequence[int],
        type: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        budget: int,
        mask: int = 0,
        match: int = 0,
    ) -> Merge:
        """Knows no budget: what a complete merge must say."""
        found: list[Association] = []
        for source in dict.fromkeys(sources):
            found += await self.assoc_range(
                source, type, after=after, before=before, limit=limit, mask=mask, match=match
            )
        found.sort(key=_place, reverse=True)
        return Merge(found[:limit], complete=True)

    def _list(self, source: int, type: int) -> Iterator[Association]:
        return (row for row in self.state.associations.values() if (row.source, row.type) == (source, type))

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        found = (self.state.names.get(name) for name in names)
        return {name.name: name for name in found if name and self._lives(name)}

    async def name_range(self, space: str, prefix: str, *, after: str | None = None, limit: int) -> list[Name]:
        found = [
            name
            for name in self.state.names.values()
            if name.name.startswith(f"{space}/{prefix}") and self._lives(name) and (after is None or name.name > after)
        ]
        return sorted(found, key=lambda name: name.name.encode())[:limit]

    async def call_stats(
        self, functions: Sequence[str] | None = None, *, parent: int | None = None
    ) -> dict[str, FunctionBacklog]:
        calls = [*self.state.calls.values()] if parent is None else self._parts(parent)
        known = {call.put.function for call in calls}
        return {
            function: self._backlog([call for call in calls if call.put.function == function])
            for function in known
            if functions is None or function in functions
        }

    def _parts(self, parent: int) -> list[Call]:
        parts = [call for call in self.state.calls.values() if call.put.parent == parent]
        return parts + [each for part in parts for each in self._parts(part.put.id)]

    def _backlog(self, calls: list[Call]) -> FunctionBacklog:
        states = [call.state for call in calls]
        return FunctionBacklog(
            waiting=states.count(CallState.WAITING),
            ready=states.count(CallState.READY),
            leased=states.count(CallState.LEASED),
            dead=states.count(CallState.DEAD),
            oldest=min((call.put.id for call in calls if call.state != CallState.DEAD), default=None),
        )


def _choose(due: Sequence[CallPut], limit: int, limits: Sequence[CallLimit]) -> list[CallPut]:
    """What a request for leases takes of the calls that are due, which come in their order."""
    left = [each.most for each in limits]
    chosen: list[CallPut] = []

    def named(put: CallPut) -> list[int]:
        """The limits that hold for the line of a call."""
        return [
            n
            for n, each in enumerate(limits)
            if each.function == put.function and each.namespace in (None, put.namespace)
        ]

    for criticality in range(4):
        lines: dict[tuple[str, str | None], list[CallPut]] = {}
        for put in due:
            if put.criticality == criticality and all(left[n] > 0 for n in named(put)):
                lines.setdefault((put.function, put.namespace), []).append(put)
        while lines and len(chosen) < limit:
            share, more = divmod(limit - len(chosen), len(lines))
            for place, (line, calls) in enumerate(list(lines.items())):
                wanted = share + (place < more)
                budgets = named(calls[0]) if calls else []
                taken = calls[: max(0, min([wanted, *(left[n] for n in budgets)]))]
                chosen += taken
                del calls[: len(taken)]
                for n in budgets:
                    left[n] -= len(taken)
                if len(taken) < wanted:
                    del lines[line]
    return sorted(chosen, key=lambda put: (put.criticality, put.deadline, put.id))


def _place(row: Association) -> Cursor:
    return row.order, row.target


def _between(row: Association, after: Cursor | None, before: Cursor | None) -> bool:
    return (after is None or _place(row) > after) and (before is None or _place(row) < before)
