"""What is SQLite's own in the text index: how many segments its words are spread over, each of which a query asks."""

from pathlib import Path

import apsw
import pytest

from ripstop.engines.derived import TextDocument
from ripstop.engines.sqlite import SqliteStore
from tests.world import SCHEMA

SINGLE_WRITES = 255
"""By FTS5's own settings these leave 30 segments: 15 of 16 documents, 15 of one."""
MOST_SEGMENTS = 12
"""Three of each size: 1, 4, 16, 64."""


async def write_one_by_one(folder: Path, numbers: range) -> None:
    store = SqliteStore(folder, SCHEMA)
    await store.open()
    for number in numbers:
        await store.text_write("posts", [TextDocument(number, f"one word of {number}", number)])
    await store.close()


def segments(folder: Path) -> int:
    connection = apsw.Connection(str(folder / "search.db"))
    try:
        # Pages of segments have the segment's number in the upper bits of their ids; 1 and 10 are of the whole index.
        return len(connection.execute("SELECT DISTINCT id >> 37 FROM text_posts_data WHERE id > 10").fetchall())
    finally:
        connection.close()


async def test_documents_written_one_by_one_lie_in_few_segments(tmp_path: Path) -> None:
    await write_one_by_one(tmp_path, range(1, SINGLE_WRITES + 1))
    assert 0 < segments(tmp_path) <= MOST_SEGMENTS


@pytest.mark.parametrize("left", ["", "automerge"], ids=["none of our settings", "one of them"])
async def test_an_index_without_our_settings_gets_them(tmp_path: Path, left: str) -> None:
    await write_one_by_one(tmp_path, range(1, 2))
    connection = apsw.Connection(str(tmp_path / "search.db"))
    connection.execute("INSERT INTO text_posts (text_posts, rank) VALUES ('automerge', 4), ('crisismerge', 16)")
    if left:
        connection.execute("INSERT INTO text_posts (text_posts, rank) VALUES (?, 2)", (left,))
    connection.close()
    await write_one_by_one(tmp_path, range(2, SINGLE_WRITES + 1))
    assert segments(tmp_path) <= MOST_SEGMENTS
