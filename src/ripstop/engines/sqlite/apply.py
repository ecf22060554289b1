"""How a batch is written: the transaction of the writer of `main.db`."""

import itertools
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import apsw

from ripstop.engines.base import AssociationType, Counted, Leases, Schema
from ripstop.engines.batch import (
    AnyOperation,
    AssociationDelete,
    AssociationPut,
    Batch,
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
from ripstop.engines.sqlite.calls import CallWriter
from ripstop.engines.sqlite.transaction import FileTransaction
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/apply.sql")
_CHECK_OBJECT = _SQL["check_object"]
_CHECK_NAME = _SQL["check_name"]
_CHECK_ASSOCIATION = _SQL["check_association"]
_CHECK_LEASE = _SQL["check_lease"]
_OBJECT_PUT = _SQL["object_put"]
_OBJECT_READ = _SQL["object_read"]
_OBJECT_PATCH = _SQL["object_patch"]
_OBJECT_DELETE = _SQL["object_delete"]
_KEY_PUT = _SQL["key_put"]
_KEY_MOVE = _SQL["key_move"]
_KEY_DELETE = _SQL["key_delete"]
_EDGE_PUT = _SQL["edge_put"]
_EDGE_DELETE = _SQL["edge_delete"]
_COUNT_GROW = _SQL["count_grow"]
_COUNT_SHRINK = _SQL["count_shrink"]
_COUNT_DROP = _SQL["count_drop"]
_NAME_CLAIM = _SQL["name_claim"]
_NAME_TRANSFER = _SQL["name_transfer"]
_NAME_RELEASE = _SQL["name_release"]
_CHANGE_LOG = _SQL["change_log"]
_CHANGE_TRIM = _SQL["change_trim"]

REFUSED = -1
"""What an operation returns when its precondition does not hold; otherwise the number of changes."""

LOG_KEPT = 8_192
"""Groups that the change log reaches back, at least."""

_LOG_TRIM = 512


class HalfApplied(Exception):
    """A batch was refused after it had changed something."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Half(NamedTuple):
    """What the writer does for one direction of an association type."""

    type: int
    keyed: bool
    counted: bool


class Rule(NamedTuple):
    """What the writer does for a forward type."""

    counted: bool
    inverse: Half | None


def rules(schema: Schema) -> dict[int, Rule]:
    """The forward types of a schema, by number."""
    types: Mapping[int, AssociationType] = schema.associations
    found: dict[int, Rule] = {}
    for number, forward in types.items():
        if not forward.forward:
            continue
        inverse = None
        if forward.inverse is not None:
            back = types[forward.inverse]
            inverse = Half(back.number, back.keyed, back.counted is not Counted.NO)
        found[number] = Rule(forward.counted is not Counted.NO, inverse)
    return found


class Pending:
    """What a group will write at its end: sorted, so that neighbours meet, and each count only once."""

    __slots__ = ("edges", "grown", "ids", "lists", "shrunk")

    def __init__(self) -> None:
        self.edges: dict[tuple[int, int, int, int], tuple[int, str | None] | None] = {}
        """Rows of lists by their key: flags and data, or None for a row that goes."""
        self.grown: dict[tuple[int, int], list[int]] = {}
        """Counted lists: by how much they grew, and the highest order put."""
        self.shrunk: set[tuple[int, int]] = set()
        """Counted lists that lost or moved a row, so that their newest order must be found anew."""
        self.ids: set[int] = set()
        self.lists: set[tuple[int, int]] = set()

    def count(self, source: int, type_: int, delta: int, order: int) -> None:
        count = self.grown.get((source, type_))
        if count is None:
            self.grown[source, type_] = [delta, order]
        else:
            count[0] += delta
            count[1] = max(count[1], order)


class MainTransaction(FileTransaction):
    """A group of batches on `main.db`. Lives in the writer's thread."""

    def __init__(self, connection: apsw.Connection, schema: Schema) -> None:
        super().__init__(connection, durable=True)
        self._rules = rules(schema)
        self._pending = Pending()
        self._changed_ids: set[int] = set()
        self._changed_lists: set[tuple[int, int]] = set()
        self.calls = CallWriter(self._cursor)
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
            **self.calls.appliers,
        }

    def begin(self, now_ms: int, *, durable: bool) -> None:
        super().begin(now_ms, durable=durable)
        self.calls.now_ms = now_ms

    def commit(self) -> None:
        self.flush()
        self._write_log()
        super().commit()

    def rollback(self) -> None:
        self.forget()
        self._changed_ids.clear()
        self._changed_lists.clear()
        super().rollback()

    def lease(
        self,
        *,
        classes: Sequence[int],
        limit: int,
        seconds: float,
        shards: tuple[int, int],
        renew: Sequence[tuple[int, int]],
    ) -> Leases:
        """Lease and renew calls for so many seconds from now."""
        until = self.now_ms + round(seconds * 1000)
        return self.calls.lease(classes, limit=limit, until_ms=until, shards=shards, renew=renew)

    # Batches

    def apply(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Apply batches in order, each whole or not at all.

        :raises HalfApplied: one was refused half way, and the transaction is not a careful one.
        """
        if not self.is_careful:
            return [self._apply(batch) for batch in batches]
        return [self._apply_carefully(batch) for batch in batches]

    def _apply_carefully(self, batch: Batch) -> Outcome:
        try:
            outcome: Outcome = self.part(lambda: self._apply(batch))
        except HalfApplied as refused:
            return refused.outcome
        return outcome

    def _apply(self, batch: Batch) -> Outcome:
        operations = batch.operations
        failing = self._first_failing_check(operations)
        appliers = self._appliers
        changed: list[int] = []
        for index, operation in enumerate(operations):
            result = REFUSED if index == failing else appliers[type(operation)](operation)
            if result < 0:
                outcome = Outcome((), index)
                if any(type(done) not in self._judges for done in operations[:index]):
                    raise HalfApplied(outcome)
                return outcome
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

    # Checks

    def _check_object(self, operation: CheckObject) -> bool:
        row = self._execute(_CHECK_OBJECT, (operation.id,)).fetchone()
        return row is not None and operation.version in (None, row[0])

    def _check_name(self, operation: CheckName) -> bool:
        row = self._execute(_CHECK_NAME, (operation.name, self.now_ms)).fetchone()
        return operation.holder == (None if row is None else row[0])

    def _check_association(self, operation: CheckAssociation) -> bool:
        row = self._execute(_CHECK_ASSOCIATION, (operation.source, operation.type, operation.target)).fetchone()
        return (row is not None) is operation.present

    def _check_lease(self, operation: CheckLease) -> bool:
        return self._execute(_CHECK_LEASE, (operation.call, operation.token)).fetchone() is not None

    # Objects

    def _object_put(self, operation: ObjectPut) -> int:
        self._execute(_OBJECT_PUT, (operation.id, operation.type, operation.data))
        if not self._changes():
            return REFUSED
        self._pending.ids.add(operation.id)
        return 1

    def _object_patch(self, operation: ObjectPatch) -> int:
        row = self._execute(_OBJECT_READ, (operation.id,)).fetchone()
        if row is None or operation.version not in (None, row[0]):
            return REFUSED
        self._execute(_OBJECT_PATCH, (merge_patch(row[1], operation.patch), operation.id))
        self._pending.ids.add(operation.id)
        return 1

    def _object_delete(self, operation: ObjectDelete) -> int:
        self._execute(_OBJECT_DELETE, (self.now_ms, operation.id))
        if not self._changes():
            return 0
        self._pending.ids.add(operation.id)
        return 1

    # Associations

    def _association_put(self, operation: AssociationPut) -> int:
        source, type_, target, order = operation.source, operation.type, operation.target, operation.order
        rule = self._rule(type_)
        self._execute(_KEY_PUT, (source, type_, target, order))
        if not self._changes():
            if not operation.if_absent:
                self._association_move(operation, rule)
            return 0
        pending = self._pending
        row = (operation.flags, operation.data)
        pending.edges[source, type_, order, target] = row
        pending.lists.add((source, type_))
        if rule.counted:
            pending.count(source, type_, 1, order)
        inverse = rule.inverse
        if inverse is not None:
            back = inverse.type
            pending.edges[target, back, order, source] = row
            pending.lists.add((target, back))
            if inverse.counted:
                pending.count(target, back, 1, order)
            if inverse.keyed:
                self._execute(_KEY_PUT, (target, back, source, order))
        return 1

    def _rule(self, type_: int) -> Rule:
        rule = self._rules.get(type_)
        if rule is None:
            raise ValueError(f"The schema declares no forward association type {type_}.")
        return rule

    def _association_move(self, operation: AssociationPut, rule: Rule) -> None:
        """Give an association that is there its new order, flags and data."""
        source, type_, target = operation.source, operation.type, operation.target
        [(old,)] = self._execute(_CHECK_ASSOCIATION, (source, type_, target)).fetchall()
        self._half_move(Half(type_, True, rule.counted), source, target, old, operation)
        if rule.inverse is not None:
            self._half_move(rule.inverse, target, source, old, operation)

    def _half_move(self, half: Half, source: int, target: int, old: int, operation: AssociationPut) -> None:
        pending = self._pending
        order = operation.order
        if old != order:
            pending.edges[source, half.type, old, target] = None
            if half.keyed:
                self._execute(_KEY_MOVE, (order, source, half.type, target))
            if half.counted:
                pending.count(source, half.type, 0, order)
                pending.shrunk.add((source, half.type))
        pending.edges[source, half.type, order, target] = (operation.flags, operation.data)
        pending.lists.add((source, half.type))

    def _association_delete(self, operation: AssociationDelete) -> int:
        source, type_, target = operation.source, operation.type, operation.target
        rule = self._rule(type_)
        row = self._execute(_KEY_DELETE, (source, type_, target)).fetchall()
        if not row:
            return 0
        order = row[0][0]
        self._half_gone(source, type_, order, target, counted=rule.counted)
        inverse = rule.inverse
        if inverse is not None:
            self._half_gone(target, inverse.type, order, source, counted=inverse.counted)
            if inverse.keyed:
                self._execute(_KEY_DELETE, (target, inverse.type, source)).fetchall()
        return 1

    def _half_gone(self, source: int, type_: int, order: int, target: int, *, counted: bool) -> None:
        pending = self._pending
        pending.edges[source, type_, order, target] = None
        pending.lists.add((source, type_))
        if counted:
            pending.count(source, type_, -1, -1)
            pending.shrunk.add((source, type_))

    # Names

    def _name_set(self, operation: NameSet) -> int:
        name, expected, holder = operation.name, operation.expected, operation.holder
        now = self.now_ms
        if expected is None:
            if holder is None:
                return REFUSED if self._execute(_CHECK_NAME, (name, now)).fetchone() else 1
            self._execute(_NAME_CLAIM, (name, holder, operation.expires, now))
        elif holder is None:
            self._execute(_NAME_RELEASE, (name, expected, now))
        else:
            self._execute(_NAME_TRANSFER, (holder, operation.expires, name, expected, now))
        return 1 if self._changes() else REFUSED

    # The end of a group

    def flush(self) -> None:
        """Write what was kept for the end, in the order of its keys, and each count once."""
        pending = self._pending
        self._pending = Pending()
        gone = sorted(key for key, row in pending.edges.items() if row is None)
        if gone:
            self._cursor.executemany(_EDGE_DELETE, gone)
        put = sorted((*key, *row) for key, row in pending.edges.items() if row is not None)
        if put:
            self._cursor.executemany(_EDGE_PUT, put)
        if pending.grown:
            self._flush_counts(pending)
        self.calls.flush()
        self._changed_ids |= pending.ids
        self._changed_lists |= pending.lists

    def _flush_counts(self, pending: Pending) -> None:
        shrunk = pending.shrunk
        grown = sorted((*key, *count) for key, count in pending.grown.items() if key not in shrunk)
        if grown:
            self._cursor.executemany(_COUNT_GROW, grown)
        if shrunk:
            lists = sorted(shrunk)
            self._cursor.executemany(_COUNT_SHRINK, [(*key, pending.grown[key][0]) for key in lists])
            self._cursor.executemany(_COUNT_DROP, lists)

    def _write_log(self) -> None:
        if not self._changed_ids and not self._changed_lists:
            return
        ids = array("q", self._changed_ids).tobytes()
        lists = array("q", itertools.chain.from_iterable(self._changed_lists)).tobytes()
        self._changed_ids.clear()
        self._changed_lists.clear()
        [(seq,)] = self._execute(_CHANGE_LOG, (ids, lists)).fetchall()
        if seq % _LOG_TRIM == 0:
            self._execute(_CHANGE_TRIM, (seq - LOG_KEPT,))

    def forget(self) -> None:
        self._pending = Pending()
        self.calls.forget()
