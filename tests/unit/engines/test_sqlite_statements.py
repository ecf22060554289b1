"""Named statements: the form of the files, and that all of ours compile."""

from importlib.resources import files
from pathlib import Path

import apsw
import apsw.ext
import pytest

from ripstop.engines.sqlite.connection import connect
from ripstop.engines.sqlite.keep import add_functions
from ripstop.engines.sqlite.migrate import migrate
from ripstop.engines.sqlite.text import make_indexes, statements_for
from ripstop.engines.statements import StatementError, load, parse

PACKAGE = "ripstop.engines.sqlite"


def test_statements_are_found_by_their_names() -> None:
    text = "-- one: The first.\nSELECT 1;\n\n-- two: The second.\n-- A comment of it.\nSELECT\n  2;\n"
    assert parse(text, file="x.sql") == {"one": "SELECT 1", "two": "SELECT\n  2"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SELECT 1;", "x.sql:1: Text before"),
        ("-- one: A.\nSELECT 1;\n-- one: B.\nSELECT 2;", "x.sql:3: The statement one is there already"),
        ("-- one: A.\n\n-- two: B.\nSELECT 2;", "The statement one is empty"),
        ("-- one: A.\nSELECT 1;\n-- two:\nSELECT 2;", "x.sql:3: The statement two says no purpose"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(StatementError, match=sentence):
        parse(text, file="x.sql")


def test_a_name_stands_in_one_file_only() -> None:
    with pytest.raises(StatementError, match="is there already"):
        load(PACKAGE, "statements/reads.sql", "statements/reads.sql")


@pytest.mark.parametrize(
    ("database", "file"),
    [
        ("main", "apply"),
        ("main", "calls"),
        ("main", "reads"),
        ("main", "keep"),
        ("main", "migrate"),
        ("main", "moving"),
        ("main", "transaction"),
        ("derived", "keyspaces"),
        ("search", "text"),
    ],
)
def test_every_statement_compiles_on_its_file(tmp_path: Path, database: str, file: str) -> None:
    connection = connect(tmp_path / "x.db", cache_kb=1024, create=True)
    migrate(connection, database, now_ms=0)
    add_functions(connection)
    statements = dict(load(PACKAGE, f"statements/{file}.sql"))
    if database == "search":
        make_indexes(connection, ["posts"])
        statements = dict(statements_for("posts"))
    statements.pop("index_make", None)  # its table is there already
    if file == "moving":
        connection.execute(statements.pop("follow"))
    for name, statement in statements.items():
        try:
            apsw.ext.query_info(connection, statement)
        except apsw.Error as error:
            raise AssertionError(f"{file}.{name}: {error}") from error
    connection.close()


def test_every_file_of_statements_is_read_by_somebody() -> None:
    names = {file.name for file in files(PACKAGE).joinpath("statements").iterdir()}
    assert names == {
        f"{name}.sql"
        for name in (
            "apply",
            "calls",
            "check",
            "keep",
            "keyspaces",
            "migrate",
            "moving",
            "reads",
            "text",
            "transaction",
        )
    }
