"""toot for tests: its whole command line in this process, with a home of its own, each command and option noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner, Result

from tests.clients.mastodon_py import Client
from tests.clients.quiet import quietly

with quietly():
    from toot.cli import cli  # type: ignore[import-untyped]  # it has no types


class Toot:
    """The program, used by one person."""

    def __init__(self, home: Path, who: Client, used: set[str]) -> None:
        self.who = who
        self.server = str(who.inner.api_base_url)
        self._used = used
        self._environment = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "EDITOR": "false", "NO_COLOR": "1"}
        self._log_in(home / "toot" / "config.json")

    @property
    def handle(self) -> str:
        """The name under which the program keeps the person."""
        return f"{self.who.me()['acct']}@{urlsplit(self.server).netloc}"

    def _log_in(self, config: Path) -> None:
        """Keep who is logged in as the program does."""
        inner, instance = self.who.inner, urlsplit(self.server).netloc
        app = {
            "instance": instance,
            "base_url": self.server,
            "client_id": inner.client_id,
            "client_secret": inner.client_secret,
        }
        user = {"instance": instance, "username": self.who.me()["acct"], "access_token": inner.access_token}
        handle = f"{user['username']}@{instance}"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps({"apps": {instance: app}, "users": {handle: user}, "active_user": handle}))

    def run(self, *arguments: str, given: str | None = None) -> str:
        """What a command says, which must end well."""
        result = self._invoke(arguments, given)
        assert result.exit_code == 0, f"toot {' '.join(arguments)}: {result.output} {result.exception!r}"
        self._used.update(_named(arguments))
        return str(result.output)

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.run(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        """What a command says that must fail, by the answer of the server and not by an error of the program."""
        result = self._invoke(arguments, None)
        assert result.exit_code == 1, result.output
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        return str(result.output)

    def _invoke(self, arguments: tuple[str, ...], given: str | None) -> Result:
        with quietly(), pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            return CliRunner().invoke(cli, arguments, input=given)


PRESENTATION = frozenset({"--json", "--pager", "--clear", "--once", "--reverse", "--colors"})
"""Options that say how the program shows what it was answered."""


def commands() -> frozenset[str]:
    """All commands of the program, as ``lists add``, and their options, as ``lists add --id``, but `PRESENTATION`."""
    return frozenset(
        name
        for path, command in _walk(cli, "")
        if not command.hidden
        for name in (path, *(f"{path} {_spelling(one)}" for one in command.params if _is_of_note(one)))
    )


def _walk(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _walk(command, f"{before}{name} ")
        else:
            yield before + name, command


def _is_of_note(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and _spelling(parameter) not in PRESENTATION


def _spelling(option: click.Parameter) -> str:
    return max(option.opts, key=len)


def _named(arguments: tuple[str, ...]) -> Iterator[str]:
    """The command that arguments name, and its options among them."""
    command: click.Command = cli
    rest = list(arguments)
    while rest and rest[0].startswith("-"):  # options of the program itself come first, each with a value
        rest = rest[2:]
    path = []
    while isinstance(command, click.Group):
        path.append(rest.pop(0))
        command = command.commands[path[-1]]
    name = " ".join(path)
    yield name
    for option in command.params:
        if isinstance(option, click.Option) and not {*option.opts, *option.secondary_opts}.isdisjoint(rest):
            yield f"{name} {_spelling(option)}"
