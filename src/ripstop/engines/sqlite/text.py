"""The text index: one FTS5 table in `search.db` for each index."""

import re
from collections.abc import Iterable, Mapping, Sequence

import apsw

from ripstop.engines.derived import TextDocument, TextHit
from ripstop.engines.sqlite.connection import Reader
from ripstop.engines.sqlite.transaction import FileTransaction
from ripstop.engines.statements import load

_SQL = load(__package__, "statements/text.sql")
_NAME = re.compile(r"[a-z][a-z_]{0,30}")
_WORD = re.compile(r"\w+")

BY_ID, ALL_ZERO, MIXED = "id", "zero", "mixed"
"""How the orders of an index relate to its ids: see the migration."""


def statements_for(index: str) -> Mapping[str, str]:
    """The statements for one index: the table `text_index` in them stands for the index's own."""
    if not _NAME.fullmatch(index):
        raise ValueError(f"A text index cannot be called {index!r}: small letters and underscores only.")
    return {name: statement.replace("text_index", f"text_{index}") for name, statement in _SQL.items()}


def make_indexes(connection: apsw.Connection, indexes: Iterable[str]) -> None:
    """Make the tables of indexes that the file has not seen yet, and tune all. Under the folder's lock for opening."""
    known = {name for name, _ in connection.execute(_SQL["indexes"])}
    for index in sorted(indexes):
        statements = statements_for(index)
        with connection:
            if index not in known:
                connection.execute(statements["index_make"])
                connection.execute(_SQL["index_note"], (index,))
            [(tuned,)] = connection.execute(statements["index_tuned"])
            if tuned < 2:
                connection.execute(statements["index_tune"])


def _filter_token(filter_: str) -> str:
    """A filter as one token of the index, whatever characters it has."""
    return "x" + filter_.encode().hex()


def match_of(query: str, filters: Sequence[str]) -> str | None:
    """The FTS5 expression for all words and all filters; None if there are neither.

    Words are cut as the tokenizer cuts them, so that punctuation in a query neither matches nor breaks anything.
    """
    words = [f'body : "{word}"' for word in _WORD.findall(query.replace("_", " "))]
    tokens = [f"filters : {_filter_token(filter_)}" for filter_ in filters]
    return " AND ".join(words + tokens) or None


class TextReader:
    """Queries. Lives on reader threads, since a query may take long."""

    def __init__(self, indexes: Iterable[str]) -> None:
        self._statements = {index: statements_for(index) for index in indexes}

    def query(
        self, reader: Reader, index: str, query: str, *, filters: Sequence[str], limit: int, budget: float
    ) -> list[TextHit]:
        """:raises Overloaded: it takes longer than `budget` seconds."""
        statements = self._statements[index]
        if limit <= 0:
            return []
        match = match_of(query, filters)
        if match is None and query.strip():
            return []  # punctuation only: no document holds such a word
        [(shape,)] = reader.rows(statements["shape_get"], (index,))
        by, orders = ("by_order", ()) if shape == MIXED else ("by_id", (shape == BY_ID,))
        if match is None:
            rows = reader.rows_within(budget, statements[f"all_{by}"], (*orders, limit))
        else:
            rows = reader.rows_within(budget, statements[f"query_{by}"], (*orders, match, limit))
        return list(map(TextHit._make, rows))


class TextTransaction(FileTransaction):
    """A group of changes to `search.db`. Lives in the writer's thread."""

    def __init__(self, connection: apsw.Connection, indexes: Iterable[str]) -> None:
        super().__init__(connection, durable=False)
        self._statements = {index: statements_for(index) for index in indexes}

    def write(self, index: str, documents: Sequence[TextDocument]) -> None:
        """Add, replace or remove documents."""
        statements = self._statements[index]
        for document in documents:
            self._execute(statements["document_drop"], (document.id,))
            if document.text is not None:
                filters = " ".join(map(_filter_token, document.filters))
                self._execute(statements["document_put"], (document.id, document.text, filters, document.order))
        self._note_shape(index, [document for document in documents if document.text is not None])

    def _note_shape(self, index: str, documents: Sequence[TextDocument]) -> None:
        """Keep track of whether the order of ids is that of documents."""
        if not documents:
            return
        [(before,)] = self._execute(_SQL["shape_get"], (index,)).fetchall()
        seen = {_shape(document) for document in documents} | ({before} if before else set())
        after = seen.pop() if len(seen) == 1 else MIXED
        if after != before:
            self._execute(_SQL["shape_set"], (after, index))


def _shape(document: TextDocument) -> str:
    if document.order == 0:
        return ALL_ZERO
    return BY_ID if document.order == document.id else MIXED
