"""The text index: every word and every filter, newest first."""

from __future__ import annotations

import pytest

from ripstop.engines.base import MAX_ORDER, Store
from ripstop.engines.derived import TextDocument, TextHit
from ripstop.kernel.errors import Overloaded
from ripstop.kernel.ids import MAX_ID
from tests.stores import Place

BUDGET = 20.0


async def query(store: Store, text: str, *filters: str, index: str = "posts", limit: int = 10) -> list[int]:
    return [hit.id for hit in await store.text_query(index, text, filters=filters, limit=limit, budget=BUDGET)]


async def write(store: Store, *documents: TextDocument, index: str = "posts") -> None:
    await store.text_write(index, documents)


CATS = TextDocument(1, "cats and dogs", 30, ("author:17", "lang:en"))
DOGS = TextDocument(2, "dogs only", 20, ("author:18", "lang:en"))
BOTH = TextDocument(3, "dogs, cats!", 10, ("author:17", "lang:de"))


async def test_documents_with_every_word_are_found_newest_first(store: Store) -> None:
    await write(store, CATS, DOGS, BOTH)
    assert await query(store, "dogs") == [1, 2, 3]
    assert await query(store, "cats dogs") == [1, 3]
    assert await query(store, "dogs only") == [2]
    assert await query(store, "cats only") == []
    assert await query(store, "birds") == []


async def test_a_hit_tells_its_order(store: Store) -> None:
    await write(store, CATS)
    assert await store.text_query("posts", "cats", limit=5, budget=BUDGET) == [TextHit(1, 30)]


async def test_every_filter_must_hold_exactly(store: Store) -> None:
    await write(store, CATS, DOGS, BOTH)
    assert await query(store, "dogs", "author:17") == [1, 3]
    assert await query(store, "dogs", "author:17", "lang:en") == [1]
    assert await query(store, "dogs", "author:1") == []
    assert await query(store, "dogs", "author:17", "author:18") == []
    assert await query(store, "author") == []
    assert await query(store, "17") == []


async def test_a_limit_keeps_the_newest(store: Store) -> None:
    await write(store, *(TextDocument(n + 1, f"word number{n}", n * 7 % 100) for n in range(100)))
    found = await store.text_query("posts", "word", limit=5, budget=BUDGET)
    assert [hit.order for hit in found] == [99, 98, 97, 96, 95]


async def test_orders_that_are_ids(store: Store) -> None:
    ids = [MAX_ID - n for n in range(5)]
    await write(store, *(TextDocument(id, "word", id) for id in reversed(ids)))
    assert await query(store, "word", limit=3) == ids[:3]


async def test_orders_near_the_top_that_differ_in_the_lowest_bit(store: Store) -> None:
    await write(store, *(TextDocument(n + 1, "word", MAX_ORDER - n) for n in range(5)))
    assert await query(store, "word") == [1, 2, 3, 4, 5]


async def test_a_document_is_replaced_and_removed(store: Store) -> None:
    await write(store, CATS, DOGS)
    await write(store, CATS._replace(text="birds", filters=("lang:fr",), order=5))
    assert await query(store, "cats") == []
    assert await query(store, "birds", "lang:en") == []
    assert await query(store, "birds", "lang:fr") == [1]
    assert await store.text_query("posts", "birds", limit=5, budget=BUDGET) == [TextHit(1, 5)]
    await write(store, TextDocument(1, None), TextDocument(77, None))
    assert await query(store, "birds") == []
    assert await query(store, "dogs") == [2]


async def test_the_last_of_several_versions_in_one_call_counts(store: Store) -> None:
    await write(store, CATS, CATS._replace(text="birds"), DOGS, TextDocument(2, None))
    assert await query(store, "birds") == [1]
    assert await query(store, "dogs") == []
    await write(store)


async def test_case_does_not_matter_and_punctuation_parts_words(store: Store) -> None:
    await write(store, TextDocument(1, "Hello, WORLD-wide (peace)."))
    for text in ("hello", "HELLO", "world", "Peace", "wide peace"):
        assert await query(store, text) == [1], text


@pytest.mark.parametrize(
    ("document", "word"), [("übung macht", "übung"), ("Привет мир", "мир"), ("καλημέρα κόσμε", "κόσμε")]
)
async def test_words_of_other_scripts(store: Store, document: str, word: str) -> None:
    await write(store, TextDocument(1, document))
    assert await query(store, word) == [1]


@pytest.mark.parametrize(
    "text",
    ['"', "'", "a OR b", "dogs NOT cats", "NEAR(a b)", "dog*", "-dogs", "col:dogs", "(", ")", "^", "{}", "a AND",
     "!", "&", "|", "<->", ":*", "\\", "a & | b", "🎈", " ", "", "\t\n", "%", "'; DROP TABLE x; --", "x" * 5000,
     "dogs " * 500],
    ids=lambda text: repr(text)[:20],
)  # fmt: skip
async def test_no_query_is_an_error(store: Store, text: str) -> None:
    await write(store, CATS, DOGS, BOTH)
    assert isinstance(await query(store, text), list)
    assert isinstance(await query(store, "dogs", text), list)


async def test_without_words_the_filters_decide(store: Store) -> None:
    await write(
        store, TextDocument(1, "cats", 1, ("by:1",)), TextDocument(2, "dogs", 2, ("by:1",)), TextDocument(3, "x", 3)
    )
    for nothing in ("", " \n"):
        assert await query(store, nothing, "by:1") == [2, 1]
        assert await query(store, nothing, "by:2") == []
    assert await query(store, "!", "by:1") == [2, 1]
    assert await query(store, "!") == []


async def test_words_that_look_like_operators_are_words(store: Store) -> None:
    await write(store, TextDocument(1, "to be or not to be"), TextDocument(2, "to be"), TextDocument(3, "near and far"))
    assert await query(store, "be or not") == [1]
    assert await query(store, "NEAR AND far") == [3]


async def test_indexes_are_apart(store: Store) -> None:
    await write(store, CATS)
    await write(store, DOGS, index="people")
    assert await query(store, "dogs") == [1]
    assert await query(store, "dogs", index="people") == [2]


async def test_another_instance_finds_what_was_written(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        await write(one, CATS)
        assert await query(other, "cats") == [1]


async def test_a_long_document_is_found_by_its_last_word(store: Store) -> None:
    await write(store, TextDocument(1, " ".join(f"word{n}" for n in range(20_000)) + " end"))
    assert await query(store, "end word7") == [1]


async def test_a_budget_that_is_used_up_is_said_honestly(store: Store) -> None:
    await write(store, *(TextDocument(n + 1, "word", n) for n in range(2000)))
    try:
        hits = await store.text_query("posts", "word", limit=5, budget=0.0)
    except Overloaded:
        hits = []
    assert {hit.id for hit in hits} <= set(range(1, 2001))
    assert len(await query(store, "word")) == 10


async def test_words_of_any_frequency_are_found_newest_first(store: Store) -> None:
    # So many that an engine that looks at the newest 500, and then at the newest 20,000, has to look further.
    count = 21_000
    steps = {"half": 2, "hundredth": 100, "thousandth": 1_000, "single": count}
    words = {n: ["all", *(word for word, step in steps.items() if n % step == 1)] for n in range(1, count + 1)}
    words[count].append("ends")
    words[1].append("ends")
    authors = {n: "by:1" if n % 700 == 1 else "by:2" for n in words}
    for start in range(1, count + 1, 3_000):
        part = range(start, start + 3_000)
        await write(store, *(TextDocument(n, " ".join(words[n]), n, (authors[n],)) for n in part))

    def expected(wanted: str, limit: int, *filters: str) -> list[int]:
        found = [n for n in words if set(wanted.split()) <= set(words[n]) and set(filters) <= {authors[n]}]
        return found[::-1][:limit]

    for wanted in ("all", "half", "hundredth", "thousandth", "single", "ends", "half thousandth", "ends half", "none"):
        for limit in (1, 2, 10, 400):
            assert await query(store, wanted, limit=limit) == expected(wanted, limit)
            assert await query(store, wanted, "by:1", limit=limit) == expected(wanted, limit, "by:1")
    for limit in (10, 400):
        assert await query(store, "", limit=limit) == expected("", limit)
        assert await query(store, "", "by:1", limit=limit) == expected("", limit, "by:1")
