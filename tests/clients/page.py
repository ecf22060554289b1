"""The page of the clients, docs/start/clients.md: what each of them can do with this server, and what not, and why."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.clients.covering import covered, expanded
from tests.clients.mastodon_py import LEFT_OUT, METHODS
from tests.clients.not_ours import (
    MASTODON_PY_EMPTY,
    MASTODON_PY_LOCAL,
    MASTODON_PY_REFUSED,
    TOOT_LOCAL,
    TOOT_REFUSED,
    Table,
    names,
)
from tests.clients.toot import commands

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "start" / "clients.md"

ABOUT = """\
# Existing clients

What programs and libraries that people use with other servers of the Mastodon API can do with this one. `make clients`
writes this page from the tests in [tests/clients](../../tests/clients/README.md) once all of them have passed, on
SQLite and on PostgreSQL; edit the tests, not the page. What a client can do and the tests do not use fails the suite,
unless it stands below with its reason.
"""


def declared() -> dict[str, set[str]]:
    """What the tests say that they use, by client."""
    of_library = covered("test_mastodon_py") | covered("test_logging_in")
    of_program = covered("test_toot") | covered("test_logging_in")
    return {
        "Mastodon.py": of_library & METHODS,
        "toot": of_program & commands(),
        "masto": covered("test_javascript", "test_masto"),
        "megalodon": covered("test_javascript", "test_megalodon"),
    }


def versions() -> dict[str, str]:
    """The versions that the tests are run with."""
    locked = json.loads((HERE / "node" / "package-lock.json").read_text())["packages"]
    return {
        "Mastodon.py": version("Mastodon.py"),
        "toot": version("toot"),
        **{name: locked[f"node_modules/{name}"]["version"] for name in ("masto", "megalodon")},
    }


def rendered() -> str:
    """The page, as it is while all tests pass."""
    tried, kept = declared(), versions()
    all_commands, listed = commands(), expanded(names(TOOT_REFUSED, TOOT_LOCAL))
    whole, parts = _by_kind(all_commands)
    done, done_parts = _by_kind(tried["toot"])
    rows = [
        ("Mastodon.py", f"{len(tried['Mastodon.py'])} of {len(METHODS)} methods, each with the types that it returns"),
        ("toot", f"{done} of {whole} commands, {done_parts} of {parts} options"),
        ("masto", f"{len(tried['masto'])} calls and events of a journey"),
        ("megalodon", f"{len(tried['megalodon'])} calls and events of a journey"),
    ]
    assert listed | tried["toot"] >= all_commands
    return "\n".join(
        [
            ABOUT,
            *_table(("Client", "Version", "Works"), [(name, kept[name], works) for name, works in rows]),
            "",
            "## Mastodon.py",
            "",
            f"Works: {_code(tried['Mastodon.py'])}.",
            "",
            "Answered with 401, 403, 404, 405 or 422:",
            "",
            *_table(("Why", "Methods"), _reasons(MASTODON_PY_REFUSED)),
            "",
            "Answered, and not needing an answer:",
            "",
            *_table(("Why", "Methods"), [*_reasons(MASTODON_PY_EMPTY), *_reasons(MASTODON_PY_LOCAL)]),
            "",
            "Fields that may be nothing, though the library's types say that they never are:",
            "",
            *_table(("Why", "Fields"), _fields()),
            "",
            "## toot",
            "",
            f"Works: {_code(name for name in tried['toot'] if ' --' not in name)}.",
            "",
            "Options that only say how an answer is shown are left out.",
            "",
            *_table(("Why not", "Commands and options"), [*_reasons(TOOT_REFUSED), *_reasons(TOOT_LOCAL)]),
            "",
            "## masto and megalodon",
            "",
            *_table(("Client", "Works"), [(name, _code(tried[name])) for name in ("masto", "megalodon")]),
            "",
            "The `detector` of megalodon tells servers apart by their software's name, and knows ours not.",
            "",
            "## By hand",
            "",
            *_by_hand(),
        ]
    )


def _by_kind(entries: Iterable[str]) -> tuple[int, int]:
    """How many commands, and how many options."""
    options = [entry for entry in entries if " --" in entry]
    return len(set(entries)) - len(options), len(options)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(row) + " |"


def _code(entries: Iterable[str]) -> str:
    return ", ".join(f"`{entry}`" for entry in sorted(entries))


def _reasons(table: Table) -> Iterator[tuple[str, str]]:
    for why, entries in table.items():
        yield why, _code(entries)


def _fields() -> Iterator[tuple[str, str]]:
    for why in dict.fromkeys(LEFT_OUT.values()):
        yield why[0].upper() + why[1:], _code(field for field, reason in LEFT_OUT.items() if reason == why)


def _by_hand() -> Iterator[str]:
    trials: list[dict[str, Any]] = tomllib.loads((HERE / "by_hand.toml").read_text())["trial"]
    columns = ("name", "client", "server", "passed")
    yield from _table(("What", "Version", "Server", "Works"), [tuple(one[name] for name in columns) for one in trials])
    for trial in trials:
        yield ""
        yield f"Not in {trial['name']}:"
        yield ""
        yield from _table(("Why", "What"), trial["not"].items())
    yield ""
