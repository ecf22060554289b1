"""Random batches and leases on each engine, through two instances, beside the model: every read agrees after each."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ripstop.engines.base import CallLimit, CallState, Counted, Direction, LeasedCall, Object, Store
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
)
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.ids import shard_of
from tests.discipline import check_batch
from tests.model import Model
from tests.stores import Place
from tests.world import SCHEMA, faults, ident

T = TypeVar("T")

IDS = [ident(1, 3), ident(2, 3), ident(3, 3), ident(1, 600), ident(2, 600)]
NAMES = ["s/a", "s/b"]
FUNCTIONS = ["f", "g"]
FORWARD = [type.number for type in SCHEMA.associations.values() if type.forward]
KEYED = [type.number for type in SCHEMA.associations.values() if type.keyed]
COUNTED = [type.number for type in SCHEMA.associations.values() if type.counted is not Counted.NO]
FAR_FUTURE = 8_000_000_000_000
SPAN = 4096
"""How many numbers of ids one example uses: each has its own, since all share a store."""

FIRST_CALL = 100
"""The number of an example's first call; each call has one of its own."""

HONEST = -1
"""As what a name is expected to be held by: whoever holds it when the call begins."""

NEVER = 77
"""Holds no name."""

holders = st.none() | st.integers(1, 2)
small_orders = st.integers(0, 3)
dues = st.sampled_from([0, 0, 0, FAR_FUTURE])
objects = st.sampled_from(["{}", '{"a": 1}', '{"a": {"b": null}, "c": "\\u0000"}'])
patches = st.sampled_from(["{}", '{"a": null}', '{"a": {"d": 2}}', '{"c": 3, "e": [null]}'])
names = st.sampled_from(NAMES)
tokens = st.sampled_from([0, 0, 0, 0, 1])
"""Added to the right one."""


def likely(home: int) -> st.SearchStrategy[AnyOperation]:
    """Operations of this shard that are never, or seldom, refused; on few keys, so that they meet."""
    ids = st.sampled_from([id for id in IDS if shard_of(id) == home])
    any_id, forward = st.sampled_from(IDS), st.sampled_from(FORWARD)
    puts = st.builds(
        AssociationPut,
        ids,
        forward,
        any_id,
        small_orders,
        flags=st.integers(0, 3),
        data=st.sampled_from([None, "{}"]),
        if_absent=st.booleans(),
        rising=st.booleans(),
    )
    calls = st.builds(
        CallPut,
        st.just(home << 12),
        st.sampled_from(FUNCTIONS),
        objects,
        due=dues,
        deadline=small_orders,
        criticality=st.integers(0, 3),
        key=st.sampled_from([None, "k", "k", "l"]),
        namespace=st.sampled_from([None, None, "n"]),
    )
    return st.one_of(
        puts,
        puts,
        st.builds(AssociationDelete, ids, forward, any_id),
        calls,
        calls,
        st.builds(NameSet, names, st.just(HONEST), holders, st.sampled_from([None, None, 1, FAR_FUTURE])),
        st.builds(ObjectPatch, object_ids(home), patches),
        st.builds(ObjectDelete, st.just(ident(1, home))),
    )


def risky(home: int) -> st.SearchStrategy[AnyOperation]:
    """Operations that are refused as often as not."""
    ids, any_call = object_ids(home), st.integers(0, 5)
    versions = st.none() | st.integers(1, 3)
    return st.one_of(
        st.builds(ObjectPut, ids, st.integers(1, 2), objects),
        st.builds(ObjectPut, ids, st.integers(1, 2), objects),
        st.builds(ObjectPatch, ids, patches, versions),
        st.builds(ObjectDelete, ids),
        st.builds(NameSet, names, holders, holders, st.sampled_from([None, None, 1, FAR_FUTURE])),
        st.builds(CallDone, any_call, tokens),
        st.builds(CallAgain, any_call, tokens, dues, st.integers(1, 4), st.none() | objects),
        st.builds(CallDead, any_call, tokens, st.just("dead")),
        st.builds(CheckObject, ids, versions),
        st.builds(CheckName, names, holders),
        st.builds(CheckAssociation, ids, st.sampled_from(KEYED), st.sampled_from(IDS), st.booleans()),
        st.builds(CheckAssociation, ids, st.sampled_from(KEYED), st.sampled_from(IDS), st.just(True), small_orders),
        st.builds(CheckLease, any_call, tokens),
    )


def object_ids(home: int) -> st.SearchStrategy[int]:
    """More than of lists, since each is used once."""
    return st.integers(1, 6).map(lambda number: ident(number, home))


def batches(home: int) -> st.SearchStrategy[Batch]:
    """Some operations, a risky one among them, and perhaps at the end one that spoils it all."""
    some = st.lists(likely(home), max_size=3)
    perhaps_risky = st.lists(risky(home), max_size=1)
    spoiler = st.sampled_from([[], [], [], [NameSet("s/a", NEVER, None)]])
    return st.builds(
        lambda before, risk, after, end: Batch(home, [*before, *risk, *after, *end]),
        some,
        perhaps_risky,
        some,
        spoiler,
    )


any_batch = batches(3) | batches(600)


class RowsMachine(RuleBasedStateMachine):
    """Two instances of an engine on the same data, and the model."""

    def __init__(self, runner: asyncio.Runner, stores: Sequence[Store], examples: Iterator[int]) -> None:
        super().__init__()
        self.runner = runner
        self.stores = stores
        self.model = Model(SCHEMA, SystemClock())
        self.example = next(examples)
        self.shift = self.example * SPAN << 22
        self.ids = [id + self.shift for id in IDS]
        self.objects = [ident(number, home) + self.shift for number in range(1, 7) for home in (3, 600)]
        self.call_numbers = itertools.count(FIRST_CALL)
        self.cursor = 0
        self.directions = itertools.cycle(Direction)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.cursor = self.run(self.stores[0].changes(-1)).cursor
        self.known: dict[int, Any] = {}
        self.edges: dict[Any, Any] = {}
        for home in (3, 600):
            batch = Batch(home, [ObjectPut(id, 1, "{}") for id in self.objects if shard_of(id) == home][:4])
            for store in (self.stores[0], self.model):
                assert self.run(store.commit([batch]))[0].applied

    async def own(self, batch: Batch) -> Batch:
        """The batch on the keys of this example; calls that end are calls that were leased, where there are any."""
        calls = self.model.state.calls
        leased = [id for id, call in sorted(calls.items()) if call.token > 0 and shard_of(id) == batch.home]
        operations = []
        for operation in batch.operations:
            changes: dict[str, Any] = {}
            if isinstance(operation, CallPut):
                changes["id"] = operation.id + self.shift + (next(self.call_numbers) << 22)
                changes["function"] = f"{operation.function}{self.example}"
            elif isinstance(operation, CheckLease | CallDone | CallAgain | CallDead):
                if leased:
                    changes["call"] = leased[operation.call % len(leased)]
                    changes["token"] = calls[changes["call"]].token + operation.token
                else:
                    changes["call"] = ident(1, batch.home) + self.shift
            elif isinstance(operation, CheckName | NameSet):
                changes["name"] = name = f"{operation.name[:2]}{self.example}/{operation.name[2:]}"
                if isinstance(operation, NameSet) and operation.expected == HONEST:
                    found = (await self.model.name_get([name])).get(name)
                    changes["expected"] = found.holder if found else None
            else:
                for field in ("id", "source", "target"):
                    if hasattr(operation, field):
                        changes[field] = getattr(operation, field) + self.shift
            operations.append(msgspec.structs.replace(operation, **changes))
        return Batch(batch.home, operations)

    @rule(batches=st.lists(any_batch, min_size=1, max_size=6), writer=st.integers(0, 1))
    def commit(self, batches: list[Batch], writer: int) -> None:
        own = [self.run(self.own(batch)) for batch in batches]
        for batch in own:
            check_batch(batch, SCHEMA)
        expected = self.run(self.model.commit(own))
        told = self.run(self.stores[writer].commit(own, deadline=60))
        assert [outcome.applied for outcome in told] == [outcome.applied for outcome in expected]
        for batch, outcome, wanted in zip(own, told, expected, strict=True):
            if outcome.refused is not None and wanted.refused is not None:
                # Where a check and an operation both do not hold, either may be named.
                assert outcome.refused <= len(batch.operations)
                continue
            for operation, changed, should in zip(batch.operations, outcome.changed, wanted.changed, strict=True):
                assert isinstance(operation, NameSet) or changed == should, operation

    @rule(
        limit=st.integers(1, 4),
        classes=st.sampled_from([(0, 1, 2, 3), (0, 1), (2, 3)]),
        shards=st.sampled_from([(0, 1024), (3, 4), (4, 1024)]),
        worker=st.integers(0, 1),
        renewing=st.booleans(),
        limited=st.lists(
            st.tuples(st.sampled_from(FUNCTIONS), st.integers(0, 2), st.sampled_from([None, "n"])), max_size=2
        ),
    )
    def lease(
        self,
        limit: int,
        classes: tuple[int, ...],
        shards: tuple[int, int],
        worker: int,
        renewing: bool,
        limited: list[tuple[str, int, str | None]],
    ) -> None:
        limits = [CallLimit(f"{function}{self.example}", most, namespace) for function, most, namespace in limited]
        renew = [(id, call.token) for id, call in self.model.state.calls.items()] if renewing else []

        def plain(call: LeasedCall) -> LeasedCall:
            return call._replace(lease_until=0, due=0)

        told, expected = (
            self.run(engine.call_lease(classes, limit=limit, seconds=3600, shards=shards, renew=renew, limits=limits))
            for engine in (self.stores[worker], self.model)
        )
        assert [plain(call) for call in told.taken] == [plain(call) for call in expected.taken]
        assert sorted(told.lost) == sorted(expected.lost)

    @invariant()
    def every_read_agrees(self) -> None:
        self.run(self.compare(self.stores[self.example % 2]))

    async def compare(self, store: Store) -> None:
        model = self.model
        names = [f"s/{self.example}/{letter}" for letter in "ab"]
        functions = [f"{function}{self.example}" for function in FUNCTIONS]
        told_objects = await store.object_get(self.objects)
        assert _parsed(told_objects) == _parsed(await model.object_get(self.objects))
        await self.same(store.assoc_counts(self.ids, list(SCHEMA.associations)), model.assoc_counts(self.ids, COUNTED))
        await self.same(store.name_get(names), model.name_get(names))
        await self.same(
            store.name_range("s", f"{self.example}/", limit=9), model.name_range("s", f"{self.example}/", limit=9)
        )
        stats = await store.call_stats(functions)
        busy = {function: backlog for function, backlog in stats.items() if any(backlog[:4])}
        assert busy == await model.call_stats(functions)
        direction = next(self.directions)
        for source, type in itertools.product(self.ids, SCHEMA.associations):
            await self.same(
                store.assoc_range(source, type, limit=20, direction=direction),
                model.assoc_range(source, type, limit=20, direction=direction),
            )
        for source in self.ids:
            expected = await model.assoc_get(source, KEYED, self.ids)
            assert sorted(await store.assoc_get(source, KEYED, self.ids), key=repr) == sorted(expected, key=repr)
        for type in FORWARD:
            merge = await store.assoc_merge(self.ids, type, limit=6, budget=20)
            wanted = await model.assoc_merge(self.ids, type, limit=6, budget=20)
            assert merge.complete
            assert [(row.order, row.target) for row in merge.entries] == [
                (row.order, row.target) for row in wanted.entries
            ]
        await self.compare_changes(store)

    async def same(self, told: Awaitable[T], expected: Awaitable[T]) -> None:
        assert await told == await expected

    async def compare_changes(self, store: Store) -> None:
        """Whatever differs from the last look was told by the change log."""
        told = await store.changes(self.cursor)
        self.cursor = told.cursor
        state = self.model.state
        ids = {id for id in state.objects.keys() | self.known if state.objects.get(id) != self.known.get(id)}
        keys = {
            key[:2]
            for key in state.associations.keys() | self.edges
            if state.associations.get(key) != self.edges.get(key)
        }
        assert told.lost or (ids <= set(told.ids) and keys <= set(told.lists))
        self.known, self.edges = dict(state.objects), dict(state.associations)

    def teardown(self) -> None:
        """Leave no call that the next example could lease."""
        self.run(self.end_calls())

    async def end_calls(self) -> None:
        await self.stores[0].call_lease((0, 1, 2, 3), limit=1000, seconds=3600)
        await self.model.call_lease((0, 1, 2, 3), limit=1000, seconds=3600)
        ended = [
            Batch(shard_of(id), [CallDone(id, call.token)])
            for id, call in self.model.state.calls.items()
            if call.state in (CallState.LEASED, CallState.DEAD)
        ]
        await self.stores[0].commit(ended, deadline=60)


def _parsed(objects: dict[int, Object]) -> dict[int, tuple[int, int, object]]:
    """Objects with their data as values: a patch may write them with other blanks."""
    return {each.id: (each.type, each.version, json.loads(each.data)) for each in objects.values()}


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_an_engine_agrees_with_the_model(place: Place, runner: asyncio.Runner) -> None:
    stores = [place.instance(), place.instance()]
    for store in stores:
        runner.run(store.open())
    try:
        examples = itertools.count(1)

        class Machine(RowsMachine):
            def __init__(self) -> None:
                super().__init__(runner, stores, examples)

        run_state_machine_as_test(Machine, settings=settings())
        assert runner.run(faults(stores[1])) == []
    finally:
        for store in stores:
            runner.run(store.close())
