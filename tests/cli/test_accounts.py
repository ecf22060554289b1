"""`ripstop accounts`: what an operator sees of accounts, and does about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ripstop.__main__ import commands
from tests.domain.house import House, Person, a_house
from tests.stores import Place


@pytest.fixture
async def house(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """An installation that the program finds, too."""
    is_folder = place.engine == "sqlite"
    monkeypatch.setenv("RIPSTOP_DATA", place.where if is_folder else str(tmp_path))
    monkeypatch.setenv("RIPSTOP_DATABASE", "" if is_folder else place.where)
    monkeypatch.setenv("RIPSTOP_LIMITS_READ_SECONDS", "60")
    async with a_house(place, tmp_path) as house:
        yield house


@pytest.fixture
async def alice(house: House) -> Person:
    return (await house.people("alice"))[0]


async def run(*arguments: str, typed: str | None = None) -> tuple[int, str]:
    """Exit code and output of one command."""
    result = await asyncio.to_thread(CliRunner().invoke, commands(), ["accounts", *arguments], input=typed)
    return result.exit_code, result.output or str(result.exception)


async def test_an_account_is_shown_without_its_secrets(house: House, alice: Person) -> None:
    await alice.post("hello")
    code, output = await run("show", "@Alice")
    shown = {line[:13].strip(): line[14:] for line in output.splitlines()}
    assert code == 0
    assert shown["id"] == str(alice.id)
    assert (shown["user name"], shown["e-mail"]) == ("alice", "alice@house.test")
    assert (shown["suspended"], shown["posts"], shown["tokens"], shown["sessions"]) == ("no", "1", "1", "0")
    assert alice.token not in output


async def test_accounts_are_listed_by_how_their_names_begin(house: House, alice: Person) -> None:
    await house.people("albert", "bob")
    assert (await run("suspend", "albert"))[0] == 0
    code, output = await run("list", "@AL")
    rows = [line.split() for line in output.splitlines()]
    assert code == 0
    assert [(row[1], row[-1]) for row in rows] == [("albert", "suspended"), ("alice", "UTC")]
    assert rows[1][0] == str(alice.id)
    assert len((await run("list"))[1].splitlines()) == 3


async def test_a_suspension_holds_at_once_and_is_lifted(house: House, alice: Person) -> None:
    assert (await run("suspend", "alice"))[0] == 0
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)
    assert (await house.ask("GET", f"/api/v1/accounts/{alice.id}"))["suspended"] is True
    assert "since 2" in (await run("show", "alice"))[1]
    assert (await run("unsuspend", "alice"))[0] == 0
    assert "suspended" not in await house.ask("GET", f"/api/v1/accounts/{alice.id}")
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)


async def test_lifting_what_is_not_suspended_logs_nobody_out(house: House, alice: Person) -> None:
    assert (await run("unsuspend", "alice"))[0] == 0
    await alice.get("/api/v1/preferences")


async def test_deleting_asks_first(house: House, alice: Person) -> None:
    assert (await run("delete", "alice", typed="n\n"))[0] == 1
    await alice.get("/api/v1/preferences")
    assert (await run("delete", "alice", "--yes"))[0] == 0
    await house.ask("GET", f"/api/v1/accounts/{alice.id}", status=404)
    assert await house.drain()


@pytest.mark.parametrize("name", ["nobody", "dan@remote.example", ""])
@pytest.mark.parametrize("command", ["show", "suspend", "unsuspend"])
async def test_who_is_not_here_is_an_error(house: House, command: str, name: str) -> None:
    code, output = await run(command, name)
    assert code == 1
    assert output


async def test_the_first_owner_is_made_here(house: House, alice: Person) -> None:
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["role"]["permissions"] == "0"
    assert (await run("role", "alice", "owner"))[0] == 0
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert (own["role"]["id"], own["role"]["name"], int(own["role"]["permissions"]) & 1) == ("3", "Owner", 1)
    assert own["roles"] == [{"id": "3", "name": "Owner", "color": ""}]
    assert "role          owner" in (await run("show", "alice"))[1]
    assert (await run("role", "alice", "none"))[0] == 0
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert (own["role"]["id"], own["roles"]) == ("-99", [])


async def test_there_are_no_other_roles(house: House, alice: Person) -> None:
    code, output = await run("role", "alice", "king")
    assert code == 1
    assert "moderator" in output
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["roles"] == []


async def test_what_is_done_here_is_in_the_audit_log(house: House, alice: Person) -> None:
    await run("role", "alice", "admin")
    await run("suspend", "alice", "--reason", "spam")
    await run("suspend", "alice")  # is suspended already: nothing is done
    await run("unsuspend", "alice")
    result = await asyncio.to_thread(CliRunner().invoke, commands(), ["audit"])
    assert [line[21:] for line in result.output.splitlines()] == [
        "the operator  unsuspend  @alice",
        "the operator  suspend  @alice  (spam)",
        "the operator  role  @alice  none to admin",
    ]


async def test_settings_are_shown_and_set(house: House) -> None:
    async def settings(*arguments: str, typed: str | None = None) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, commands(), ["settings", *arguments], input=typed)
        return result.exit_code, result.output

    assert (await settings("set", "rules", "Be kind", "Do not sell"))[0] == 0
    assert (await settings("set", "registrations", "closed"))[0] == 0
    assert [rule["text"] for rule in await house.ask("GET", "/api/v1/instance/rules")] == ["Be kind", "Do not sell"]
    code, shown = await settings("show")
    assert code == 0
    assert shown.splitlines()[:4] == [
        "registrations  closed",
        "reason_required  no",
        "rule 1  Be kind",
        "rule 2  Do not sell",
    ]
    assert (await settings("set", "reason_required", "yes"))[0] == 0
    assert (await settings("set", "terms_of_service", "-", typed="Weave well.\n\nRest well.\n"))[0] == 0
    terms = await house.ask("GET", "/api/v1/instance/terms_of_service")
    assert terms["content"] == "<p>Weave well.</p><p>Rest well.</p>"
    assert "reason_required  yes" in (await settings("show"))[1]
    for wrong in (
        ("set", "taste", "good"),
        ("set", "reason_required", "perhaps"),
        ("set", "contact_account", "nobody"),
        ("set", "registrations", "ajar"),
        ("set", "privacy_policy", "a", "b"),
    ):
        assert (await settings(*wrong))[0] == 1


async def test_an_owner_is_made_on_an_empty_server(house: House) -> None:
    code, output = await run("create", "Olga", "--email", "olga@house.test", "--role", "owner")
    assert code == 0, output
    password = output.splitlines()[-1].removeprefix("Password: ")
    account = await house.ask("GET", "/api/v1/accounts/lookup?acct=olga")
    assert account["roles"] == [{"id": "3", "name": "Owner", "color": ""}]
    assert await house.password_is("olga", password)
    assert await house.drain()
    assert await house.password_is("olga", password)
    audit = await asyncio.to_thread(CliRunner().invoke, commands(), ["audit"])
    assert audit.output[21:].strip() == "the operator  create  @Olga  owner"
    for wrong, word in (
        (("create", "olga", "--email", "o@house.test"), "taken"),
        (("create", "o!", "--email", "o@house.test"), "Username"),
        (("create", "otto", "--email", "o"), "mail"),
        (("create", "otto", "--email", "o@house.test", "--role", "king"), "role"),
        (("reset-password", "nobody"), "not found"),
    ):
        code, output = await run(*wrong)
        assert (code, word in output) == (1, True), output


async def test_a_password_is_reset_and_everybody_shut_out(house: House, alice: Person) -> None:
    assert (await run("reset-password", "alice", "--password-stdin", typed="short\n"))[0] == 1
    await alice.get("/api/v1/preferences")
    code, output = await run("reset-password", "@alice", "--password-stdin", typed="a long enough word\n")
    assert (code, "a long" in output) == (0, False)
    await house.ask("GET", "/api/v1/preferences", token=alice.token, status=401)
    assert await house.password_is("alice", "a long enough word")
    await house.drain()
    assert await house.password_is("alice", "a long enough word")
    printed = (await run("reset-password", "alice"))[1].splitlines()[-1]
    assert await house.password_is("alice", printed.removeprefix("Password: "))


async def test_who_waits_is_listed_let_in_and_rejected(house: House) -> None:
    setting = ["settings", "set", "registrations", "approval"]
    assert (await asyncio.to_thread(CliRunner().invoke, commands(), setting)).exit_code == 0
    app_token = await house.app_token()
    for name in ("alice", "bob"):
        await house.join(name, app_token, reason=f"I am {name}")
    waiting = (await run("pending"))[1].splitlines()
    assert [line.split()[1:3] for line in waiting] == [["bob", "bob@house.test"], ["alice", "alice@house.test"]]
    assert "pending" in (await run("list", "alice"))[1]
    assert (await run("approve", "alice"))[0] == 0
    assert (await run("reject", "bob", "--reason", "spam"))[0] == 0
    await house.ask("GET", "/api/v1/accounts/lookup?acct=alice")
    await house.ask("GET", "/api/v1/accounts/lookup?acct=bob", status=404)
    for name in ("alice", "bob"):
        code, output = await run("approve", name)
        assert (code, bool(output)) == (1, True)
    await house.join("bob", app_token, reason="again")
    assert (await run("pending"))[1].split()[1:] == ["bob", "bob@house.test", "again"]
