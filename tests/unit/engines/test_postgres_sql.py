"""The SQL of the PostgreSQL engine keeps to the shard discipline, and its migrations to theirs."""

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from ripstop.engines.postgres.migrations import migrations

SHARDED = (
    "objects", "associations", "counts", "names", "calls", "call_counts", "keyspace_values", "keyspace_counters",
    "keyspace_lists", "keyspace_entries", "text_documents",
)  # fmt: skip
"""Tables whose rows lie in a shard."""

WHOLE = {"changes", "changes_trimmed", "migrations"}
"""Tables that the store has one of, whatever the number of shards."""

MARK = "-- SCATTER: "

_TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(?:ONLY\s+)?([a-z_]+)\b(?!\s*\()", re.IGNORECASE)

_SHARD_CONDITION = re.compile(r"\bshard\s*(?:=|BETWEEN\b|\)\s*=|,)|\bUSING \(shard\b|\(\s*shard,", re.IGNORECASE)

Block = tuple[str, str]


def named_statements() -> Iterator[Block]:
    """Each named statement with its comments."""
    for file in sorted(files("ripstop.engines.postgres").joinpath("sql").iterdir(), key=lambda file: file.name):
        for block in re.split(r"(?m)^(?=-- [a-z][a-z0-9_]*: )", file.read_text(encoding="utf-8"))[1:]:
            yield f"{file.name}:{block[3 : block.index(':')]}", block


def statements_of_functions() -> Iterator[Block]:
    """Each statement in the body of a function of the migrations, with the comments before it."""
    for migration in migrations():
        for number, body in enumerate(re.findall(r"AS \$\$(.*?)\$\$;", migration.text, re.DOTALL), start=1):
            for place, statement in enumerate(body.split(";"), start=1):
                yield f"{migration.number:04}_{migration.name}: function {number}, statement {place}", statement


def undisciplined(block: str) -> set[str]:
    """The sharded tables that a statement goes to without a shard."""
    if MARK in block:
        return set()
    statement = re.sub(r"--.*", "", block)
    used = {table.lower() for table in _TABLE.findall(statement)} & set(SHARDED)
    return used if used and not _SHARD_CONDITION.search(statement) else set()


@pytest.mark.parametrize(
    "block", [block for _, block in named_statements()], ids=[name for name, _ in named_statements()]
)
def test_every_named_statement_names_its_shard_or_says_why_not(block: str) -> None:
    assert not undisciplined(block), f"put `shard = …` into its WHERE, or say `{MARK}why`"


def test_every_statement_of_a_function_names_its_shard_or_says_why_not() -> None:
    found = {name: tables for name, block in statements_of_functions() if (tables := undisciplined(block))}
    assert not found


@pytest.mark.parametrize(
    ("block", "tables"),
    [
        ("SELECT data FROM objects WHERE id = $1", {"objects"}),
        ("SELECT data FROM objects WHERE shard = $1 AND id = $2", set()),
        (f"{MARK}all of them\nSELECT data FROM objects", set()),
        ("SELECT 1 FROM unnest($1) AS k JOIN names AS n ON n.name = k.name", {"names"}),
        ("SELECT 1 FROM unnest($1) AS k JOIN names AS n ON n.shard = k.shard AND n.name = k.name", set()),
        ("SELECT transaction FROM changes", set()),
    ],
)
def test_the_lint_tells_the_two_apart(block: str, tables: set[str]) -> None:
    assert undisciplined(block) == tables


def test_every_key_begins_with_the_shard() -> None:
    text = "\n".join(migration.text for migration in migrations())
    tables = dict(re.findall(r"CREATE (?:UNLOGGED )?TABLE (\w+) \((.*?)\n\)", text, re.DOTALL))
    assert set(tables) == set(SHARDED) | WHOLE - {"migrations"}
    for table in SHARDED:
        [key] = re.findall(r"PRIMARY KEY \(([^)]*)\)", tables[table])
        assert key.startswith("shard"), table
        assert re.match(r"\s*shard smallint NOT NULL,", tables[table]), table


def test_text_in_keys_is_in_byte_order() -> None:
    text = "\n".join(migration.text for migration in migrations())
    tables = re.findall(r"CREATE (?:UNLOGGED )?TABLE \w+ \((.*?)\n\)", text, re.DOTALL)
    keys = [(table, key) for table in tables for key in re.findall(r"PRIMARY KEY \(([^)]*)\)", table)]
    assert keys
    for table, key in keys:
        for column in key.split(", "):
            assert not re.search(rf"^\s*{column} text(?! COLLATE \"C\")", table, re.MULTILINE), (column, table)


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))
