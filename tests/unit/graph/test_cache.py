"""The bound of the cache, and what a change drops."""

from __future__ import annotations

from ripstop.engines.base import Count
from ripstop.machinery.graph.cache import AGE_SECONDS, Cache, Entry, Generations, Members, Tally
from tests.unit.graph.worlds import COUNTS, LINKED_BY, LINKS, Page


def entry(id_: int, size: int = 0) -> Entry[Page]:
    return Entry(1, id_, 1, Page("x"), size)


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    kept: Generations[int, Entry[Page]] = Generations(20_000)
    kept.put(1, entry(1))
    for id_ in range(2, 200):
        kept.put(id_, entry(id_, 600))
        kept.turn()
        assert kept.get(1) is not None
    assert kept.get(2) is None
    assert kept.get(199) is not None


def test_the_bound_holds_within_a_half() -> None:
    kept: Generations[int, Entry[Page]] = Generations(100_000)
    for id_ in range(1_000):
        kept.put(id_, entry(id_, 600))
        kept.turn()
        assert kept.bytes <= 101_000


def test_nothing_vanishes_between_two_turns() -> None:
    kept: Generations[int, Entry[Page]] = Generations(1_000)
    for id_ in range(100):
        kept.put(id_, entry(id_, 600))
    assert all(kept.get(id_) is not None for id_ in range(100))


def test_what_nobody_asks_for_goes_in_time_however_little_there_is() -> None:
    """A process that reads something new now and then does not fill its cache with it."""
    cache = Cache(1 << 30)
    cache.turn(0.0)
    cache.objects.put(0, entry(0))
    most = 0
    for number in range(1, 1_000):
        cache.objects.put(number, entry(number))
        cache.tallies_of(COUNTS).put(number, Tally(COUNTS, ()))
        cache.turn(AGE_SECONDS / 10 * number)
        assert cache.objects.get(0) is not None
        most = max(most, cache.bytes)
    assert most < 30 * (entry(0).size + Tally(COUNTS, ()).size)
    assert cache.objects.get(999) is not None
    assert cache.objects.get(970) is None


def test_bytes_of_what_moves_and_goes_are_counted_once() -> None:
    kept: Generations[int, Entry[Page]] = Generations(100_000)
    for id_ in range(10):
        kept.put(id_, entry(id_))
    before = kept.bytes
    kept.age()
    assert kept.bytes == before
    kept.get(1)
    assert kept.bytes == before
    kept.drop(1)
    kept.drop(2)
    assert kept.bytes == before * 8 // 10
    kept.age()
    kept.age()
    assert kept.bytes == 0


def test_rendered_bytes_count() -> None:
    kept: Generations[int, Entry[Page]] = Generations(100_000)
    kept.put(1, entry(1))
    before = kept.bytes
    kept.grew(5_000)
    assert kept.bytes == before + 5_000


def test_a_list_drops_its_counts_and_not_the_object() -> None:
    cache = Cache(1 << 20)
    tallies = cache.tallies_of(COUNTS)
    cache.objects.put(7, entry(7))
    tallies.put(7, Tally(COUNTS, (Count(1, 1), Count(2, 2))))
    cache.put_members((7, LINKS.number), Members({8: 0}))
    cache.drop([], [(7, LINKED_BY.number)])
    assert cache.objects.get(7) is not None
    assert tallies.get(7) is None
    assert cache.members.get((7, LINKS.number)) is not None


def test_a_fetch_learns_what_became_stale() -> None:
    cache = Cache(1 << 20)
    fetch = cache.begin_fetch()
    cache.drop([1], [(2, 3)])
    cache.end_fetch(fetch)
    cache.drop([4], [])
    assert not fetch.fresh(1)
    assert not fetch.fresh((2, 3))
    assert fetch.fresh(4)
