"""How a group of batches is written: the transaction of the writer of `main.db`.

All rows that the group names are read with one statement, judged in memory (`judge`), and what became of them is
written with one statement for each kind of change, sorted by key. That costs somewhat more CPU than row by row, and
needs neither savepoints for what is refused nor more statements the larger the group is: docs/build/engines.md has
figures.
"""

import itertools
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import apsw
import msgspec

from ripstop.engines.base import CallLimit, CallState, Leases, Schema
from ripstop.engines.batch import Batch, Outcome
from ripstop.engines.common import call_lane
from ripstop.engines.sqlite.calls import CallLeaser
from ripstop.engines.sqlite.commits import CommitCounter
from ripstop.engines.sqlite.judge import (
    CallRow,
    EdgeRow,
    Half,
    Judge,
    Keys,
    NameRow,
    ObjectRow,
    Rows,
    rules,
    stored_text,
)
from ripstop.engines.sqlite.plain import Plain, plain_of
from ripstop.engines.sqlite.transaction import FileTransaction
from ripstop.engines.statements import load
from ripstop.kernel.ids import shard_of

_SQL = load(__package__, "statements/apply.sql")

LOG_KEPT = 8_192
"""Groups that the change log reaches back, at least."""

_LOG_TRIM = 512

_ONE = Outcome((1,))

_encode = msgspec.json.encode
_objects = msgspec.json.Decoder(list[tuple[int, int, int, int | None]])
_data = msgspec.json.Decoder(list[tuple[int, str]])
_names = msgspec.json.Decoder(list[tuple[str, int, int | None]])
_edges = msgspec.json.Decoder(list[tuple[int, int, int, int]])
_calls = msgspec.json.Decoder(list[tuple[int, int, int, str, int, int, str | None, str | None]])
_same = msgspec.json.Decoder(list[tuple[str, str, int]])

Act = Callable[["MainTransaction"], Any]


class Commit(NamedTuple):
    """Batches that one caller wants committed."""

    batches: Sequence[Batch]


class MainTransaction(FileTransaction):
    """A group on `main.db`. Lives in the writer's thread."""

    def __init__(self, connection: apsw.Connection, schema: Schema, commits: CommitCounter) -> None:
        super().__init__(connection, durable=True)
        self._commits = commits
        self._rules = rules(schema)
        self._judge = Judge(self._rules)
        self._leaser = CallLeaser(self._cursor)
        self._ids: set[int] = set()
        self._lists: set[tuple[int, int]] = set()

    def run(self, acts: Sequence[Commit | Act]) -> list[Any]:
        """Batches first, all together; then whatever else is asked for, in order."""
        outcomes = iter(self._apply([act for act in acts if isinstance(act, Commit)]))
        # The outcomes must all be there before anything else runs: leases see what the batches have put.
        return [next(outcomes) if isinstance(act, Commit) else act(self) for act in acts]

    def commit(self) -> None:
        if not self._write_log():
            super().commit()
            return
        self._commits.begin()
        try:
            super().commit()
        finally:
            self._commits.end()

    def close(self) -> None:
        super().close()
        self._commits.close()

    def rollback(self) -> None:
        self._ids.clear()
        self._lists.clear()
        super().rollback()

    def lease(
        self,
        *,
        classes: Sequence[int],
        limit: int,
        seconds: float,
        shards: tuple[int, int],
        renew: Sequence[tuple[int, int]],
        limits: Sequence[CallLimit],
    ) -> Leases:
        """Lease and renew calls for so many seconds from now."""
        until = self.now_ms + round(seconds * 1000)
        leases, moved = self._leaser.lease(
            classes, limit=limit, now_ms=self.now_ms, until_ms=until, shards=shards, renew=renew, limits=limits
        )
        self._count_calls(moved)
        return leases

    # Batches

    def _apply(self, commits: Sequence[Commit]) -> list[list[Outcome]]:
        plain = plain_of(batch for commit in commits for batch in commit.batches)
        if plain is not None and self._write_plain(plain):
            return [[_all(len(batch.operations)) for batch in commit.batches] for commit in commits]
        keys = Keys()
        for commit in commits:
            for batch in commit.batches:
                keys.add(batch.operations)
        rows = self._read(keys)
        before = rows.copy()
        judge = self._judge
        judge.start(rows, self.now_ms)
        outcomes = [[judge.apply(batch) for batch in commit.batches] for commit in commits]
        self._write_objects(before.objects, rows.objects)
        self._write_names(before.names, rows.names)
        self._write_edges(before.edges, rows.edges)
        self._write_calls(before.calls, rows.calls)
        return outcomes

    def _write_plain(self, plain: Plain) -> bool:
        """Put calls and end others; False, and nothing is done, if one of these is not as it must be."""
        puts, ends = plain
        moved: list[tuple[str, int | None, int | None]] = []
        if ends:
            rows = self._execute(_SQL["calls_leased"], (_numbers(ends),)).fetchall()
            if len(rows) != len(ends) or any(ends[id_] != token for id_, token, _ in rows):
                return False
            self._execute(_SQL["calls_done"], (_numbers(ends),))
            moved += [(function, CallState.LEASED, None) for _, _, function in rows]
        if puts:
            rows = [
                (
                    put.id, call_lane(put.criticality, put.function, put.namespace), put.deadline,
                    stored_text(put.function), stored_text(put.arguments), put.criticality, put.namespace, put.parent,
                )
                for put in puts
            ]  # fmt: skip
            self._put("calls_put_ready", rows)
            moved += [(put.function, None, CallState.READY) for put in puts]
        self._count_calls(moved)
        return True

    def _read(self, keys: Keys) -> Rows:
        """The rows that the keys name."""
        rows = Rows(keys)
        if keys.is_empty():
            return rows
        values = (
            _numbers(keys.objects), _numbers(keys.data), apsw.carray(tuple(keys.names) or ("",)), _rows(keys.edges),
            _numbers(keys.calls), _rows(keys.same),
        )  # fmt: skip
        [(objects, data, names, edges, calls, same)] = self._execute(_SQL["read"], values).fetchall()
        texts = dict(_data.decode(data))
        for id_, type_, version, deleted in _objects.decode(objects):
            rows.objects[id_] = ObjectRow(type_, version, texts.get(id_), deleted)
        for name, holder, expires in _names.decode(names):
            rows.names[name] = NameRow(holder, expires)
        for source, kind, target, order in _edges.decode(edges):
            rows.edges[source, kind, target] = EdgeRow(order, 0, None)
        for call in _calls.decode(calls):
            rows.calls[call[0]] = CallRow(*call[1:])
        for function, key, id_ in _same.decode(same):
            place = (function, key, shard_of(id_))
            rows.same[place] = rows.same.get(place, 0) + 1
        return rows

    def _put(self, statement: str, rows: Collection[Any]) -> None:
        """Run a statement over rows, in the order of their keys."""
        if rows:
            self._execute(_SQL[statement], (_rows(sorted(rows)),))

    # What became of the rows

    def _write_objects(self, before: dict[int, ObjectRow | None], after: dict[int, ObjectRow | None]) -> None:
        put = [
            (id_, row.type, row.version, row.data, row.deleted)
            for id_, row in after.items()
            if row is not None and row is not before[id_]
        ]
        self._put("objects_put", put)
        self._ids.update(row[0] for row in put)

    def _write_names(self, before: dict[str, NameRow | None], after: dict[str, NameRow | None]) -> None:
        changed = [(name, row) for name, row in after.items() if row is not before[name]]
        gone = [name for name, row in changed if row is None]
        if gone:
            self._execute(_SQL["names_delete"], (apsw.carray(tuple(gone)),))
        self._put("names_put", [(name, *row) for name, row in changed if row is not None])

    def _write_edges(
        self, before: dict[tuple[int, int, int], EdgeRow | None], after: dict[tuple[int, int, int], EdgeRow | None]
    ) -> None:
        changes = _Edges()
        for (source, type_, target), row in after.items():
            old = before[source, type_, target]
            if row is not old:
                forward, inverse = self._rules[type_]
                changes.half(forward, source, target, old, row)
                if inverse is not None:
                    changes.half(inverse, target, source, old, row)
        self._put("keys_delete", changes.keys_gone)
        self._put("keys_put", changes.keys)
        self._put("edges_delete", changes.gone)
        self._put("edges_put", changes.rows)
        self._put("counts_grow", [(*key, *count) for key, count in changes.grown.items() if key not in changes.shrunk])
        if changes.shrunk:
            self._put("counts_shrink", [(*key, changes.grown[key][0]) for key in changes.shrunk])
            self._put("counts_drop", changes.shrunk)
        self._lists |= changes.lists

    def _write_calls(self, before: dict[int, CallRow | None], after: dict[int, CallRow | None]) -> None:
        done, put, again, dead = [], [], [], []
        moved: list[tuple[str, int | None, int | None]] = []
        for id_, row in after.items():
            old = before.get(id_)
            if row is old:
                continue
            if row is None:
                if old is not None:
                    moved.append((old.function, old.state, None))
                    done.append(id_)
                continue
            moved.append((row.function, None if old is None else old.state, row.state))
            if row.state == CallState.READY:
                lane, rank = call_lane(row.criticality, row.function, row.namespace), row.deadline
            else:
                lane, rank = 0, row.due
            if old is None:
                text, place = (row.function, row.arguments), (row.criticality, row.key, row.namespace, row.parent)
                put.append((id_, row.state, lane, rank, *text, row.due, row.deadline, *place))
            elif row.state == CallState.DEAD:
                dead.append((id_, self.now_ms, row.error))
            else:
                again.append((id_, row.state, lane, rank, row.due, row.attempt, row.checkpoint, row.error))
        if done:
            self._execute(_SQL["calls_done"], (_numbers(done),))
        self._put("calls_put", put)
        self._put("calls_again", again)
        self._put("calls_dead", dead)
        self._count_calls(moved)

    def _count_calls(self, moved: Iterable[tuple[str, int | None, int | None]]) -> None:
        """Move the counts of calls: (function, state left or None, state entered or None)."""
        deltas: dict[str, list[int]] = {}
        for function, left, entered in moved:
            counts = deltas.get(function)
            if counts is None:
                counts = deltas[function] = [0, 0, 0, 0]
            if left is not None:
                counts[left] -= 1
            if entered is not None:
                counts[entered] += 1
        self._put("call_counts", [(function, *counts) for function, counts in deltas.items() if any(counts)])

    def _write_log(self) -> bool:
        """Say in the change log what the group changed; False if that is nothing."""
        if not self._ids and not self._lists:
            return False
        ids = array("q", self._ids).tobytes()
        lists = array("q", itertools.chain.from_iterable(self._lists)).tobytes()
        self._ids.clear()
        self._lists.clear()
        [(seq,)] = self._execute(_SQL["change_log"], (ids, lists)).fetchall()
        if seq % _LOG_TRIM == 0:
            self._execute(_SQL["change_trim"], (seq - LOG_KEPT,))
        return True


def _all(operations: int) -> Outcome:
    """What becomes of a batch in which each operation changes one thing."""
    return _ONE if operations == 1 else Outcome((1,) * operations)


class _Edges:
    """What changed associations mean for lists, keys and counts."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, int, str | None]] = []
        self.gone: list[tuple[int, int, int, int]] = []
        self.keys: list[tuple[int, int, int, int]] = []
        self.keys_gone: list[tuple[int, int, int]] = []
        self.grown: dict[tuple[int, int], list[int]] = {}
        """Counted lists: by how much they grew, and the highest order put."""
        self.shrunk: set[tuple[int, int]] = set()
        """Counted lists that lost or moved a row, so that their newest order must be found anew."""
        self.lists: set[tuple[int, int]] = set()

    def half(self, half: Half, source: int, target: int, old: EdgeRow | None, row: EdgeRow | None) -> None:
        """One half of an association was `old` and becomes `row`."""
        type_ = half.type
        order = -1 if row is None else row.order
        has_left = old is not None and old.order != order
        if old is not None and has_left:
            self.gone.append((source, type_, old.order, target))
        if row is not None:
            self.rows.append((source, type_, order, target, row.flags, row.data))
        if half.keyed:
            if row is None:
                self.keys_gone.append((source, type_, target))
            elif old is None or has_left:
                self.keys.append((source, type_, target, order))
        self.lists.add((source, type_))
        if not half.counted:
            return
        count = self.grown.setdefault((source, type_), [0, -1])
        count[0] += (row is not None) - (old is not None)
        count[1] = max(count[1], order)
        if has_left:
            self.shrunk.add((source, type_))


def _rows(rows: Iterable[Any]) -> str:
    """Rows as JSON, which a statement reads as a table."""
    return _encode(list(rows)).decode()


def _numbers(ids: Collection[int]) -> Any:
    """Ids as an array, which a statement reads as a table; an array cannot be empty, and -1 is no id."""
    return apsw.carray(array("q", ids or (-1,)))
