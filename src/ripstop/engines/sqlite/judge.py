"""What becomes of the batches of a group, decided in memory on the rows that they touch.

The writer reads all rows that a group names with one statement, applies the batches here, one after the other, and
writes the difference. So a batch that is refused needs no savepoint, every row is written once however often a group
changes it, and the number of statements does not depend on the number of batches.
"""

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any, NamedTuple

from ripstop.engines.base import CallState, Counted, Schema
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
from ripstop.engines.common import merge_patch
from ripstop.kernel.ids import shard_of

REFUSED = -1
"""What an operation returns when its precondition does not hold; otherwise the number of changes."""


class ObjectRow(NamedTuple):
    """`data` is None where the group needs none; `deleted` is an instant or None."""

    type: int
    version: int
    data: str | None
    deleted: int | None


class NameRow(NamedTuple):
    holder: int
    expires: int | None


class EdgeRow(NamedTuple):
    """An association; flags and data are known only if the group has put it."""

    order: int
    flags: int
    data: str | None


class CallRow(NamedTuple):
    """A call; what follows the key is known only if the group has set it."""

    state: int
    token: int
    function: str
    criticality: int
    deadline: int
    key: str | None
    namespace: str | None
    due: int = 0
    attempt: int = 1
    checkpoint: str | None = None
    error: str | None = None
    arguments: str = ""
    parent: int | None = None


EdgeKey = tuple[int, int, int]
"""(source, type, target) of a forward association."""


class Half(NamedTuple):
    """What is kept of one direction of an association type."""

    type: int
    keyed: bool
    counted: bool


class Rule(NamedTuple):
    """What is kept of a forward type."""

    forward: Half
    inverse: Half | None


def rules(schema: Schema) -> dict[int, Rule]:
    """The forward types of a schema, by number.

    :raises ValueError: an inverse is not declared, or is a forward type itself.
    """
    halves = {
        number: Half(number, type_.keyed or type_.forward, type_.counted is not Counted.NO)
        for number, type_ in schema.associations.items()
    }
    found = {}
    for number, type_ in schema.associations.items():
        if not type_.forward:
            continue
        if type_.inverse is not None and (type_.inverse not in halves or schema.associations[type_.inverse].forward):
            raise ValueError(f"The inverse of the association type {type_.name} must be declared as an inverse.")
        found[number] = Rule(halves[number], None if type_.inverse is None else halves[type_.inverse])
    return found


class Keys:
    """The rows that some operations name."""

    def __init__(self) -> None:
        self.objects: set[int] = set()
        self.data: set[int] = set()
        """Objects whose data are needed as well."""
        self.names: set[str] = set()
        self.edges: set[EdgeKey] = set()
        self.calls: set[int] = set()
        self.same: set[tuple[str, str]] = set()
        """(function, key) of calls that coalesce."""

    def is_empty(self) -> bool:
        return not (self.objects or self.names or self.edges or self.calls or self.same)

    def add(self, operations: Iterable[AnyOperation]) -> None:
        for operation in operations:
            _COLLECT[type(operation)](self, operation)


def _collect_put(keys: Keys, operation: CallPut) -> None:
    if operation.key is not None:
        keys.same.add((operation.function, operation.key))


def _collect_patch(keys: Keys, operation: ObjectPatch) -> None:
    keys.objects.add(operation.id)
    keys.data.add(operation.id)


def _collect_object(keys: Keys, operation: CheckObject | ObjectPut | ObjectDelete) -> None:
    keys.objects.add(operation.id)


def _collect_name(keys: Keys, operation: CheckName | NameSet) -> None:
    keys.names.add(stored_text(operation.name))


def _collect_edge(keys: Keys, operation: CheckAssociation | AssociationPut | AssociationDelete) -> None:
    keys.edges.add((operation.source, operation.type, operation.target))


def _collect_call(keys: Keys, operation: CheckLease | CallDone | CallAgain | CallDead) -> None:
    keys.calls.add(operation.call)


_COLLECT: dict[type, Callable[[Keys, Any], None]] = {
    CheckObject: _collect_object,
    ObjectPut: _collect_object,
    ObjectDelete: _collect_object,
    ObjectPatch: _collect_patch,
    CheckName: _collect_name,
    NameSet: _collect_name,
    CheckAssociation: _collect_edge,
    AssociationPut: _collect_edge,
    AssociationDelete: _collect_edge,
    CallPut: _collect_put,
    CheckLease: _collect_call,
    CallDone: _collect_call,
    CallAgain: _collect_call,
    CallDead: _collect_call,
}


def stored_text(text: str) -> str:
    """The text, as it can be stored.

    :raises ValueError: it holds a NUL, with which text ends for some.
    """
    if "\0" in text:
        raise ValueError("A text in a batch holds the character NUL.")
    return text


class Rows:
    """The named rows, as they are: None where there is none."""

    def __init__(self, keys: Keys) -> None:
        self.objects: dict[int, ObjectRow | None] = dict.fromkeys(keys.objects)
        self.names: dict[str, NameRow | None] = dict.fromkeys(keys.names)
        self.edges: dict[EdgeKey, EdgeRow | None] = dict.fromkeys(keys.edges)
        self.calls: dict[int, CallRow | None] = dict.fromkeys(keys.calls)
        self.same: dict[tuple[str, str, int], int] = {}
        """How many calls of a function and key are waiting or ready in a shard."""

    def copy(self) -> "Rows":
        """The same rows, to be compared with what becomes of these. The rows themselves never change."""
        rows = Rows.__new__(Rows)
        rows.objects, rows.names, rows.edges = self.objects.copy(), self.names.copy(), self.edges.copy()
        rows.calls, rows.same = self.calls.copy(), self.same.copy()
        return rows


class Judge:
    """Applies batches to rows in memory."""

    def __init__(self, rules_: dict[int, Rule]) -> None:
        self.rows = Rows(Keys())
        self._now_ms = 0
        self._rules = rules_
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []
        self._judges: dict[type, Callable[[Any], bool]] = {
            CheckObject: self._check_object,
            CheckName: self._check_name,
            CheckAssociation: self._check_association,
            CheckLease: self._check_lease,
        }
        self._appliers: dict[type, Callable[[Any], int]] = {
            **dict.fromkeys(self._judges, lambda _: 0),
            ObjectPut: self._object_put,
            ObjectPatch: self._object_patch,
            ObjectDelete: self._object_delete,
            AssociationPut: self._association_put,
            AssociationDelete: self._association_delete,
            NameSet: self._name_set,
            CallPut: self._call_put,
            CallDone: self._call_done,
            CallAgain: self._call_again,
            CallDead: self._call_dead,
        }

    def start(self, rows: Rows, now_ms: int) -> None:
        """Begin a group on these rows, at an instant."""
        self.rows = rows
        self._now_ms = now_ms

    def apply(self, batch: Batch) -> Outcome:
        """Apply a batch whole or not at all.

        :raises ValueError: an operation cannot be understood; the rows are as good as lost.
        """
        operations = batch.operations
        failing = self._first_failing_check(operations)
        appliers = self._appliers
        self._undo.clear()
        changed: list[int] = []
        for index, operation in enumerate(operations):
            result = REFUSED if index == failing else appliers[type(operation)](operation)
            if result < 0:
                for mapping, key, before in reversed(self._undo):
                    mapping[key] = before
                return Outcome((), index)
            changed.append(result)
        return Outcome(tuple(changed))

    def _first_failing_check(self, operations: Sequence[AnyOperation]) -> int:
        """Checks are judged before anything is applied, wherever in the batch they stand. -1: all hold."""
        judges = self._judges
        for index, operation in enumerate(operations):
            judge = judges.get(type(operation))
            if judge is not None and not judge(operation):
                return index
        return -1

    def _set(self, mapping: MutableMapping[Any, Any], key: object, row: object) -> None:
        self._undo.append((mapping, key, mapping[key]))
        mapping[key] = row

    # Checks

    def _check_object(self, operation: CheckObject) -> bool:
        row = self.rows.objects[operation.id]
        return row is not None and row.deleted is None and operation.version in (None, row.version)

    def _check_name(self, operation: CheckName) -> bool:
        return self._holder(operation.name) == operation.holder

    def _check_association(self, operation: CheckAssociation) -> bool:
        row = self.rows.edges[operation.source, operation.type, operation.target]
        if row is None:
            return not operation.present
        return operation.present and operation.order in (None, row.order)

    def _check_lease(self, operation: CheckLease) -> bool:
        row = self.rows.calls[operation.call]
        return row is not None and row.token == operation.token and row.state == CallState.LEASED

    def _holder(self, name: str) -> int | None:
        row = self.rows.names[name]
        return None if row is None or (row.expires is not None and row.expires <= self._now_ms) else row.holder

    # Objects

    def _object_put(self, operation: ObjectPut) -> int:
        id_ = operation.id
        if self.rows.objects[id_] is not None:
            return REFUSED
        self._set(self.rows.objects, id_, ObjectRow(operation.type, 1, stored_text(operation.data), None))
        return 1

    def _object_patch(self, operation: ObjectPatch) -> int:
        row = self.rows.objects[operation.id]
        if row is None or row.data is None or row.deleted is not None or operation.version not in (None, row.version):
            return REFUSED
        data = stored_text(merge_patch(row.data, operation.patch))
        self._set(self.rows.objects, operation.id, ObjectRow(row.type, row.version + 1, data, None))
        return 1

    def _object_delete(self, operation: ObjectDelete) -> int:
        row = self.rows.objects[operation.id]
        if row is None or row.deleted is not None:
            return 0
        self._set(self.rows.objects, operation.id, ObjectRow(row.type, row.version, "", self._now_ms))
        return 1

    # Associations

    def _association_put(self, operation: AssociationPut) -> int:
        key = (operation.source, operation.type, operation.target)
        if operation.type not in self._rules:
            raise ValueError(f"The schema declares no forward association type {operation.type}.")
        row = self.rows.edges[key]
        if row is not None and (operation.if_absent or (operation.rising and row.order >= operation.order)):
            return 0
        data = operation.data
        if data is not None:
            stored_text(data)
        self._set(self.rows.edges, key, EdgeRow(operation.order, operation.flags, data))
        return int(row is None)

    def _association_delete(self, operation: AssociationDelete) -> int:
        key = (operation.source, operation.type, operation.target)
        if operation.type not in self._rules:
            raise ValueError(f"The schema declares no forward association type {operation.type}.")
        if self.rows.edges[key] is None:
            return 0
        self._set(self.rows.edges, key, None)
        return 1

    # Names

    def _name_set(self, operation: NameSet) -> int:
        if self._holder(operation.name) != operation.expected:
            return REFUSED
        row = None if operation.holder is None else NameRow(operation.holder, operation.expires)
        self._set(self.rows.names, operation.name, row)
        return 1

    # Calls

    def _call_put(self, operation: CallPut) -> int:
        key, due = operation.key, operation.due
        if key is not None:
            same = (operation.function, stored_text(key), shard_of(operation.id))
            if self.rows.same.get(same):
                return 0
            self.rows.same.setdefault(same, 0)
            self._set(self.rows.same, same, 1)
        calls = self.rows.calls
        if calls.setdefault(operation.id, None) is not None:
            raise ValueError(f"There is a call {operation.id} already.")
        row = CallRow(
            self._state_at(due), 0, stored_text(operation.function), operation.criticality, operation.deadline, key,
            operation.namespace, due, arguments=stored_text(operation.arguments), parent=operation.parent,
        )  # fmt: skip
        self._set(calls, operation.id, row)
        return 1

    def _state_at(self, due: int) -> CallState:
        return CallState.READY if due <= self._now_ms else CallState.WAITING

    def _held(self, id_: int, token: int, *states: CallState) -> CallRow | None:
        """The call, if it is in one of these states under this token."""
        row = self.rows.calls[id_]
        return row if row is not None and row.token == token and row.state in states else None

    def _call_done(self, operation: CallDone) -> int:
        row = self._held(operation.call, operation.token, CallState.LEASED, CallState.DEAD)
        if row is None:
            return REFUSED
        self._set(self.rows.calls, operation.call, None)
        return 1

    def _call_again(self, operation: CallAgain) -> int:
        row = self._held(operation.call, operation.token, CallState.LEASED, CallState.DEAD)
        if row is None:
            return REFUSED
        if row.key is not None:
            same = (row.function, row.key, shard_of(operation.call))
            self._set(self.rows.same, same, self.rows.same.setdefault(same, 0) + 1)
        row = row._replace(
            state=self._state_at(operation.due),
            due=operation.due,
            attempt=operation.attempt,
            checkpoint=operation.checkpoint,
            error=operation.error,
        )
        self._set(self.rows.calls, operation.call, row)
        return 1

    def _call_dead(self, operation: CallDead) -> int:
        row = self._held(operation.call, operation.token, CallState.LEASED)
        if row is None:
            return REFUSED
        self._set(self.rows.calls, operation.call, row._replace(state=CallState.DEAD, error=operation.error))
        return 1
