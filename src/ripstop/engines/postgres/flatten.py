"""Batches as the flat arrays of `ripstop_commit`; migrations/0009_rising.sql says what each one means."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripstop.engines.base import AssociationType, Counted, Schema
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
    NameSet,
    ObjectDelete,
    ObjectPatch,
    ObjectPut,
    Outcome,
)
from ripstop.engines.common import call_lane, name_shard
from ripstop.kernel.errors import BadRequest
from ripstop.kernel.ids import shard_of

_ANY, _EQUAL, _POSITIVE, _EITHER_SIGN, _IN_ORDER = range(5)
"""op_check."""

_NEVER: Final = -(1 << 63)
"""A state that nothing has."""

_NONE, _SET, _ADD, _IF_POSITIVE, _IF_ZERO, _PUT, _AGAIN, _RISE = range(8)
"""op_effect."""

_DONE, _HAND_BACK, _DEAD = range(3)
"""end_kind."""

_OBJECT, _ASSOCIATION, _NAME, _CALL, _KEY, _KEYLESS = range(6)
"""Kinds of slots, in the order in which their numbers follow each other."""

_KINDS: Final = 6

_CHECKS: Final = frozenset({CheckObject, CheckName, CheckAssociation, CheckLease})

_LINKED: Final = frozenset({AssociationPut, AssociationDelete, CheckAssociation})

_EXACT, _STRIPED, _INVERSE_EXACT, _INVERSE_STRIPED, _INVERSE_KEYED = 1, 2, 4, 8, 16
"""Bits of assoc_mode."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Where the halves of an association of some type rest, and what is counted."""

    forward: int
    inverse: int
    mode: int
    flipped: bool
    """The type is the inverse: source and target change places."""


def directions(schema: Schema) -> dict[int, Direction]:
    """For each type of association, by number, how it is written and checked."""
    types = schema.associations
    return {number: _direction(type, types.get(type.inverse or 0)) for number, type in types.items()}


def _direction(type: AssociationType, other: AssociationType | None) -> Direction:
    forward, inverse = (type, other) if type.forward or other is None else (other, type)
    mode = {Counted.EXACT: _EXACT, Counted.STRIPED: _STRIPED, Counted.NO: 0}[forward.counted]
    if inverse is not None:
        mode |= {Counted.EXACT: _INVERSE_EXACT, Counted.STRIPED: _INVERSE_STRIPED, Counted.NO: 0}[inverse.counted]
        mode |= _INVERSE_KEYED if inverse.keyed else 0
    return Direction(forward.number, inverse.number if inverse else 0, mode, flipped=type is inverse)


class _Slots(dict[Any, int]):
    """Keys of one kind, numbered from 0 in the order in which they are first seen."""

    def __missing__(self, key: Any) -> int:
        number = self[key] = len(self)
        return number


class Group:
    """Batches that are committed together, growing one by one."""

    def __init__(self, directions: dict[int, Direction]) -> None:
        self._directions = directions
        self._batch_ends: list[int] = []
        self._orders: list[Sequence[int] | None] = []
        self._sizes: list[int] = []
        # One tuple for each operation: (kind of slot, its number in that kind, check, want, effect, give).
        self._operations: list[tuple[int, int, int, int, int, int]] = []
        self._slots = [_Slots() for _ in range(_KINDS)]
        self._absent: list[int] = []
        self._alone = False
        """The batch that is being added has one operation only, so that nothing in it hangs on what that one saw."""
        self._puts: list[tuple[int, int, str]] = []
        self._patches: list[tuple[int, str]] = []
        self._links: list[tuple[int, int, int, str | None]] = []
        self._claims: list[tuple[int, int | None]] = []
        self._ends: list[tuple[int, int, int, int, str | None, str | None]] = []
        self._enqueued: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        """How many operations there are."""
        return len(self._operations)

    @property
    def puts_calls(self) -> bool:
        return bool(self._enqueued)

    def add(self, batch: Batch) -> None:
        """Append a batch. Its checks are judged before its other operations, wherever they stand."""
        operations = batch.operations
        order = _judged_order(operations)
        self._alone = len(operations) == 1
        for index in order or range(len(operations)):
            operation = operations[index]
            _ADDERS[type(operation)](self, operation)
        self._batch_ends.append(len(self._operations))
        self._sizes.append(len(operations))
        self._orders.append(order)

    def arguments(self) -> list[object]:
        """The arguments of `ripstop_commit`, in their order."""
        objects, associations, names, calls, keys, _ = self._slots
        bases = [1]
        for kind in self._slots:
            bases.append(bases[-1] + len(kind))
        kinds, numbers, checks, wants, effects, gives = _columns(self._operations, 6)
        halves = [self._directions[type] for _, type, _ in associations]
        return [
            self._batch_ends,
            [bases[kind] + number for kind, number in zip(kinds, numbers, strict=True)],
            checks, wants, effects, gives, bases[-1] - 1, self._absent,
            [shard_of(id) for id in objects], list(objects),
            *_columns(self._puts, 3),
            *_columns(self._patches, 2),
            [shard_of(source) for source, _, _ in associations], *_columns(associations, 3),
            [half.inverse for half in halves], [shard_of(target) for _, _, target in associations],
            [half.mode for half in halves],
            *_columns(self._links, 4),
            [name_shard(name) for name in names], list(names),
            *_columns(self._claims, 2),
            [shard_of(id) for id in calls], list(calls),
            *_columns(self._ends, 6),
            *_columns(keys, 3),
            *_columns(self._enqueued, 12),
        ]  # fmt: skip

    def outcomes(self, changed: Sequence[int], refused: Sequence[int]) -> list[Outcome]:
        """What became of each batch, from the answer of `ripstop_commit`."""
        outcomes = []
        start = 0
        for end, size, order, refusal in zip(self._batch_ends, self._sizes, self._orders, refused, strict=True):
            if refusal:
                place = refusal - start - 1
                outcomes.append(Outcome((), order[place] if order else place))
            elif order:
                by_index = dict(zip(order, changed[start:end], strict=True))
                outcomes.append(Outcome(tuple(by_index[index] for index in range(size))))
            else:
                outcomes.append(Outcome(tuple(changed[start:end])))
            start = end
        return outcomes

    def _judge(self, kind: int, key: object, check: int, want: int, effect: int, give: int) -> int:
        """Append an operation on the state in a slot; its number."""
        self._operations.append((kind, self._slots[kind][key], check, want, effect, give))
        return len(self._operations)

    def _check_object(self, operation: CheckObject) -> None:
        version = operation.version
        if version is None:
            self._judge(_OBJECT, operation.id, _POSITIVE, -1, _NONE, 0)
        else:
            self._judge(_OBJECT, operation.id, _EQUAL, version if version > 0 else _NEVER, _NONE, 0)

    def _check_name(self, operation: CheckName) -> None:
        number = self._judge(_NAME, operation.name, _EQUAL, operation.holder or 0, _NONE, 0)
        if operation.holder is None:
            self._absent.append(number)

    def _check_association(self, operation: CheckAssociation) -> None:
        key = self._association(operation)
        if operation.present and operation.order is not None:
            self._judge(_ASSOCIATION, key, _IN_ORDER, operation.order, _NONE, 0)
            return
        number = self._judge(_ASSOCIATION, key, _EQUAL, int(operation.present), _NONE, 0)
        if not operation.present:
            self._absent.append(number)

    def _check_lease(self, operation: CheckLease) -> None:
        self._judge(_CALL, operation.call, _EQUAL, operation.token if operation.token > 0 else _NEVER, _NONE, 0)

    def _object_put(self, operation: ObjectPut) -> None:
        number = self._judge(_OBJECT, operation.id, _EQUAL, 0, _SET, 1)
        self._puts.append((number, operation.type, operation.data))

    def _object_patch(self, operation: ObjectPatch) -> None:
        version = operation.version
        if version is None:
            number = self._judge(_OBJECT, operation.id, _POSITIVE, -1, _ADD, 0)
        else:
            number = self._judge(_OBJECT, operation.id, _EQUAL, version if version > 0 else _NEVER, _ADD, 0)
        self._patches.append((number, operation.patch))

    def _object_delete(self, operation: ObjectDelete) -> None:
        self._judge(_OBJECT, operation.id, _ANY, -1, _IF_POSITIVE, -1)

    def _association_put(self, operation: AssociationPut) -> None:
        effect = _IF_ZERO if operation.if_absent else _RISE if operation.rising else _PUT
        order = operation.order
        number = self._judge(_ASSOCIATION, self._association(operation), _ANY, order, effect, 1)
        self._links.append((number, order, operation.flags, operation.data))

    def _association_delete(self, operation: AssociationDelete) -> None:
        number = self._judge(_ASSOCIATION, self._association(operation), _ANY, -1, _IF_POSITIVE, 0)
        if not self._alone:
            self._absent.append(number)

    def _name_set(self, operation: NameSet) -> None:
        number = self._judge(_NAME, operation.name, _EQUAL, operation.expected or 0, _SET, operation.holder or 0)
        self._claims.append((number, operation.expires))

    def _call_put(self, operation: CallPut) -> None:
        shard = shard_of(operation.id)
        if operation.key is None:
            number = self._judge(_KEYLESS, len(self), _ANY, -1, _IF_ZERO, 1)
        else:
            number = self._judge(_KEY, (shard, operation.function, operation.key), _ANY, -1, _IF_ZERO, 1)
        self._enqueued.append(
            (
                number, shard, operation.id, operation.function, operation.arguments, operation.due,
                operation.deadline, operation.criticality, operation.key,
                call_lane(operation.criticality, operation.function, operation.namespace), operation.namespace,
                operation.parent,
            )
        )  # fmt: skip

    def _call_done(self, operation: CallDone) -> None:
        number = self._judge(_CALL, operation.call, _EITHER_SIGN, operation.token or _NEVER, _SET, 0)
        self._ends.append((number, _DONE, 0, 0, None, None))

    def _call_again(self, operation: CallAgain) -> None:
        number = self._judge(_CALL, operation.call, _EITHER_SIGN, operation.token or _NEVER, _AGAIN, 0)
        self._ends.append((number, _HAND_BACK, operation.due, operation.attempt, operation.checkpoint, operation.error))

    def _call_dead(self, operation: CallDead) -> None:
        token = operation.token if operation.token > 0 else _NEVER
        number = self._judge(_CALL, operation.call, _EQUAL, token, _SET, -operation.token)
        self._ends.append((number, _DEAD, 0, 0, None, operation.error))

    def _association(self, operation: AssociationPut | AssociationDelete | CheckAssociation) -> tuple[int, int, int]:
        """The key of the forward half, under which an association is locked and judged."""
        direction = self._directions[operation.type]
        if direction.flipped:
            return operation.target, direction.forward, operation.source
        return operation.source, direction.forward, operation.target


_ADDERS: Final[Mapping[type, Callable[[Group, Any], None]]] = {
    CheckObject: Group._check_object,
    CheckName: Group._check_name,
    CheckAssociation: Group._check_association,
    CheckLease: Group._check_lease,
    ObjectPut: Group._object_put,
    ObjectPatch: Group._object_patch,
    ObjectDelete: Group._object_delete,
    AssociationPut: Group._association_put,
    AssociationDelete: Group._association_delete,
    NameSet: Group._name_set,
    CallPut: Group._call_put,
    CallDone: Group._call_done,
    CallAgain: Group._call_again,
    CallDead: Group._call_dead,
}


def check(batch: Batch, directions: Mapping[int, Direction]) -> None:
    """Whether the schema knows what the batch writes.

    :raises BadRequest: an association of an unknown type, or written by its inverse half.
    """
    for operation in batch.operations:
        if type(operation) not in _LINKED:
            continue  # what most batches of workers hold
        if isinstance(operation, AssociationPut | AssociationDelete):
            direction = directions.get(operation.type)
            if direction is None or direction.flipped:
                raise BadRequest(f"Associations of type {operation.type} cannot be written.")
        elif isinstance(operation, CheckAssociation) and operation.type not in directions:
            raise BadRequest(f"There are no associations of type {operation.type}.")


def _judged_order(operations: Sequence[AnyOperation]) -> Sequence[int] | None:
    """Indexes of operations with all checks first, or None where they stand so already."""
    checks = [type(operation) in _CHECKS for operation in operations]
    if checks == sorted(checks, reverse=True):
        return None
    return sorted(range(len(operations)), key=lambda index: not checks[index])


def _columns(rows: Collection[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    """Rows turned into columns."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
