"""Named SQL statements, each with a one-line purpose, read from the `.sql` files that lie beside an engine.

A file holds blocks of this form, with nothing before the first; further comments belong to the block:

    -- object_get: Objects by their ids, deleted ones left out.
    SELECT id, type, version, data FROM objects WHERE id = ?;
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

_HEADER = re.compile(r"^-- ([a-z][a-z0-9_]*):\s*(.*)$")


class StatementError(Exception):
    """A file of statements is not of the form that it should have."""


def load(package: str, *names: str) -> Mapping[str, str]:
    """The statements of the `.sql` files `names` inside of a package, by their own names.

    :raises StatementError: a block has no name or purpose, or its name is taken.
    """
    statements: dict[str, str] = {}
    for name in names:
        for statement, text in parse(files(package).joinpath(name).read_text(encoding="utf-8"), file=name).items():
            if statement in statements:
                raise StatementError(f"{name}: The statement {statement} is there already.")
            statements[statement] = text
    return MappingProxyType(statements)


def parse(text: str, *, file: str) -> dict[str, str]:
    """The statements of one file, by name; `file` is named in errors."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header is not None:
            if not header[2]:
                raise StatementError(f"{file}:{number}: The statement {header[1]} says no purpose.")
            if header[1] in blocks:
                raise StatementError(f"{file}:{number}: The statement {header[1]} is there already.")
            lines = blocks[header[1]] = []
        elif lines is None:
            if line.strip():
                raise StatementError(f"{file}:{number}: Text before the first '-- name: purpose'.")
        elif not line.lstrip().startswith("--"):
            lines.append(line)
    statements = {name: "\n".join(lines).strip().removesuffix(";") for name, lines in blocks.items()}
    for name, statement in statements.items():
        if not statement:
            raise StatementError(f"{file}: The statement {name} is empty.")
    return statements
