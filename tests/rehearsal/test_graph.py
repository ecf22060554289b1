"""The shape of the follow graph."""

from __future__ import annotations

from collections import Counter

import pytest

from ripstop.rehearsal.graph import Graph

PEOPLE = 2_000


@pytest.fixture(scope="module")
def edges() -> dict[int, list[int]]:
    graph = Graph(people=PEOPLE, follows=15, popularity=1.0, seed=3)
    return {person: graph.targets(person) for person in range(PEOPLE)}


def test_the_same_seed_draws_the_same_graph(edges: dict[int, list[int]]) -> None:
    again = Graph(people=PEOPLE, follows=15, popularity=1.0, seed=3)
    other = Graph(people=PEOPLE, follows=15, popularity=1.0, seed=4)
    assert again.targets(1234) == edges[1234]
    assert any(other.targets(person) != edges[person] for person in range(10))


def test_nobody_follows_themselves_or_anybody_twice(edges: dict[int, list[int]]) -> None:
    for person, targets in edges.items():
        assert person not in targets
        assert len(set(targets)) == len(targets)
        assert all(0 <= target < PEOPLE for target in targets)


def test_both_ends_have_a_heavy_tail(edges: dict[int, list[int]]) -> None:
    out = sorted(len(targets) for targets in edges.values())
    followers = Counter(target for targets in edges.values() for target in targets)
    assert 8 < sum(out) / PEOPLE < 22
    assert out[-1] > 10 * out[PEOPLE // 2]
    assert followers[0] > PEOPLE / 2
    assert followers[0] > 50 * sorted(followers.values())[len(followers) // 2]


def test_newcomers_follow_those_who_were_there() -> None:
    graph = Graph(people=50, follows=10, popularity=1.0, seed=1)
    assert all(target < 50 for target in graph.targets(9_999))


def test_a_crowd_of_two_follows_at_most_each_other() -> None:
    graph = Graph(people=2, follows=15, popularity=1.0, seed=1)
    assert graph.targets(0) == [1]
    assert graph.targets(1) == [0]
