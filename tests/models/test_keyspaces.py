"""Random changes to keyspaces on each engine, through two instances, beside a model of a few dicts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ripstop.engines.base import Direction, Store
from ripstop.engines.derived import (
    CounterAdd,
    Entry,
    KeyspaceChange,
    ListDrop,
    ListFill,
    ListOpen,
    ListPush,
    ListTouch,
    Slice,
    ValuePut,
)
from tests.stores import Place
from tests.world import ident

KEYS = ["a", "b", "c"]
LISTS = [ident(1, 3), ident(2, 3), ident(3, 900)]
SPAN = 16

keys = st.sampled_from(KEYS)
lists = st.sampled_from(LISTS)
some_lists = st.lists(lists, max_size=3)
floors = st.integers(0, 5)
entries = st.builds(Entry, st.integers(0, 6), st.integers(1, 2))
values = st.builds(ValuePut, keys, st.none() | st.binary(max_size=3))
additions = st.builds(CounterAdd, keys, st.integers(-3, 3))
list_changes = st.one_of(
    st.builds(ListOpen, lists, floors),
    st.builds(ListPush, some_lists, entries),
    st.builds(ListFill, lists, floors, st.lists(entries, max_size=4)),
    st.builds(ListTouch, some_lists),
    st.builds(ListDrop, some_lists),
)


class KeyspacesMachine(RuleBasedStateMachine):
    """The lists stay far below their cap, where the engine must keep all; trimming has tests of its own."""

    def __init__(self, runner: asyncio.Runner, stores: Sequence[Store], examples: Iterator[int]) -> None:
        super().__init__()
        self.runner = runner
        self.stores = stores
        self.example = next(examples)
        self.shift = self.example * SPAN << 22
        self.values: dict[str, bytes] = {}
        self.counters: dict[str, int] = {}
        self.lists: dict[int, tuple[int, set[Entry]]] = {}

    def key(self, key: str) -> str:
        return f"{key}{self.example}"

    @rule(changes=st.lists(values, min_size=1, max_size=4), writer=st.integers(0, 1))
    def put_values(self, changes: list[ValuePut], writer: int) -> None:
        for change in changes:
            self.values.pop(change.key, None)
            if change.value is not None:
                self.values[change.key] = change.value
        own = [change._replace(key=self.key(change.key)) for change in changes]
        self.runner.run(self.stores[writer].keyspace_write("values", own))

    @rule(changes=st.lists(additions, min_size=1, max_size=4), writer=st.integers(0, 1))
    def add(self, changes: list[CounterAdd], writer: int) -> None:
        for change in changes:
            self.counters[change.key] = self.counters.get(change.key, 0) + change.delta
        own = [change._replace(key=self.key(change.key)) for change in changes]
        self.runner.run(self.stores[writer].keyspace_write("counters", own))

    @rule(changes=st.lists(list_changes, min_size=1, max_size=5), writer=st.integers(0, 1))
    def change_lists(self, changes: list[KeyspaceChange], writer: int) -> None:
        own = [self.change_list(change) for change in changes]
        self.runner.run(self.stores[writer].keyspace_write("home", own))

    def change_list(self, change: KeyspaceChange) -> KeyspaceChange:
        """Apply the change to the model; the same change on the lists of this example."""
        match change:
            case ListOpen(key=key, floor=floor):
                self.lists.setdefault(key, (floor, set()))
                return ListOpen(key + self.shift, floor)
            case ListPush(keys=keys, entry=entry):
                for key in set(keys) & self.lists.keys():
                    self.lists[key][1].add(entry)
                return ListPush([key + self.shift for key in keys], entry)
            case ListFill(key=key, floor=floor, entries=filled):
                if key in self.lists:
                    before, held = self.lists[key]
                    self.lists[key] = (min(before, floor), held | set(filled))
                return ListFill(key + self.shift, floor, filled)
            case ListDrop(keys=keys):
                for key in keys:
                    self.lists.pop(key, None)
                return ListDrop([key + self.shift for key in keys])
            case ListTouch(keys=keys):
                return ListTouch([key + self.shift for key in keys])
            case _:
                raise AssertionError(change)

    @invariant()
    def every_read_agrees(self) -> None:
        self.runner.run(self.compare(self.stores[self.example % 2]))

    async def compare(self, store: Store) -> None:
        own = [self.key(key) for key in KEYS]
        assert await store.keyspace_get("values", own) == {self.key(key): value for key, value in self.values.items()}
        assert await store.keyspace_get("counters", own) == {
            self.key(key): value for key, value in self.counters.items()
        }
        for key in LISTS:
            for direction in Direction:
                told = await store.keyspace_range("home", key + self.shift, limit=100, direction=direction)
                if key not in self.lists:
                    assert told is None
                    continue
                floor, held = self.lists[key]
                assert told == Slice(floor, sorted(held, reverse=direction is Direction.NEWEST_FIRST))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_keyspaces_agree_with_the_model(place: Place, runner: asyncio.Runner) -> None:
    stores = [place.instance(), place.instance()]
    for store in stores:
        runner.run(store.open())
    try:
        examples = itertools.count(1)

        class Machine(KeyspacesMachine):
            def __init__(self) -> None:
                super().__init__(runner, stores, examples)

        run_state_machine_as_test(Machine, settings=settings())
    finally:
        for store in stores:
            runner.run(store.close())
