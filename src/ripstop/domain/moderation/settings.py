"""Changing the settings of the server."""

from typing import Any

import msgspec

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import Subject, record
from ripstop.domain.moderation.authority import Staff
from ripstop.domain.settings import HOLDS_SETTINGS, SETTINGS, SETTINGS_ID, Held, Rule, Settings
from ripstop.domain.text import tidy
from ripstop.kernel.errors import Conflict, Gone, Invalid, NotFound
from ripstop.machinery.graph import Graph, Refused

MAX_TEXT = 20_000
"""Characters of a long text."""
MAX_LINE = 500
"""Characters of a rule, of an address, and of what newcomers are told."""
MOST_RULES = 50
_TRIES = 5
MAX_TITLE = 100
"""Characters of what the server is called."""
_LONG = frozenset({"extended_description", "privacy_policy", "terms_of_service"})
_LINES = frozenset({"title", "description", "contact_email"})


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; what is None stays. `rules` are the texts of all rules, in their order. `contact_account` is a
    user name, or empty.
    """

    title: str | None = None
    description: str | None = None
    registrations: bool | None = None
    approval_required: bool | None = None
    reason_required: bool | None = None
    closed_message: str | None = None
    contact_email: str | None = None
    contact_account: str | None = None
    extended_description: str | None = None
    privacy_policy: str | None = None
    terms_of_service: str | None = None
    rules: tuple[str, ...] | None = None


OPEN, APPROVAL, CLOSED = "open", "approval", "closed"
"""Who is let in: everybody at once, everybody whom the staff approves, or nobody."""


def entry_of(settings: Settings) -> str:
    """Who is let in, in one word."""
    if not settings.registrations:
        return CLOSED
    return APPROVAL if settings.approval_required else OPEN


def letting_in(changes: Changes, entry: str) -> Changes:
    """The same changes, and that those are let in from now on.

    :raises Invalid: there is no such word.
    """
    if entry not in (OPEN, APPROVAL, CLOSED):
        raise Invalid(f"Validation failed: Registrations are {OPEN}, by {APPROVAL}, or {CLOSED}")
    if entry == CLOSED:
        return msgspec.structs.replace(changes, registrations=False)
    return msgspec.structs.replace(changes, registrations=True, approval_required=entry == APPROVAL)


async def change_settings(graph: Graph, staff: Staff, changes: Changes) -> None:
    """Change the settings, and record which. At most three engine calls and a commit; no commit if nothing changes.

    :raises Forbidden: the staff may not do this.
    :raises Invalid: a text is too long, there are too many rules, or nobody has the name of the contact account.
    :raises Conflict: they are being changed all the time.
    """
    staff.check_power(Power.MANAGE_SETTINGS)
    wanted = _checked(changes)
    if changes.contact_account is not None:
        wanted["contact_account"] = await _contact(graph, changes.contact_account)
    for _ in range(_TRIES):
        entry = await graph.get(SETTINGS, SETTINGS_ID)
        before = Settings() if entry is None else entry.value
        fields = {name: value for name, value in _fields(before, wanted).items() if getattr(before, name) != value}
        if not fields:
            return
        at = graph.now_ms()
        if "terms_of_service" in fields:
            fields["terms_at"] = at if fields["terms_of_service"] else None
        write = graph.write(SETTINGS_ID)
        if entry is None:
            write.create(SETTINGS, SETTINGS_ID, msgspec.structs.replace(before, **fields, updated_at=at))
        else:
            write.patch(SETTINGS, SETTINGS_ID, version=entry.version, **fields, updated_at=at)
        held = Held(1 if entry is None else entry.version + 1)
        write.put(HOLDS_SETTINGS, SETTINGS_ID, SETTINGS_ID, order=0, data=held)
        detail = ", ".join(sorted(fields.keys() - {"next_rule", "terms_at"}))
        record(write, staff, "settings", Subject(), at=at, detail=detail)
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
        else:
            await graph.sync()
            return
    raise Conflict("The settings are being changed at the same time")


def _checked(changes: Changes) -> dict[str, Any]:
    """What is wanted, tidied up, by the name of the setting.

    :raises Invalid: a text is too long, or there are too many rules.
    """
    wanted: dict[str, Any] = {}
    for name in changes.__struct_fields__:
        value = getattr(changes, name)
        if isinstance(value, str):
            value = tidy(value).replace("\n", " ") if name in _LINES else tidy(value)
            _check_length(name, value, MAX_TITLE if name == "title" else MAX_TEXT if name in _LONG else MAX_LINE)
        if value is not None:
            wanted[name] = value
    if changes.rules is not None:
        wanted["rules"] = list(dict.fromkeys(text for rule in changes.rules if (text := tidy(rule).replace("\n", " "))))
        for text in wanted["rules"]:
            _check_length("rules", text, MAX_LINE)
        if len(wanted["rules"]) > MOST_RULES:
            raise Invalid(f"Validation failed: There are {MOST_RULES} rules at most")
    return wanted


async def _contact(graph: Graph, name: str) -> int | None:
    """The account of a user name; None for none.

    :raises Invalid: nobody here goes by it.
    """
    handle = name.strip().removeprefix("@")
    if not handle:
        return None
    try:
        account = await access_named_account(graph, handle, local_domain="")
    except (NotFound, Gone):
        raise Invalid(f"Validation failed: Contact account: nobody here is called {handle[:MAX_LINE]}") from None
    return account.id


def _check_length(name: str, text: str, most: int) -> None:
    if len(text) > most:
        words = name.replace("_", " ").capitalize()
        raise Invalid(f"Validation failed: {words} is too long (maximum is {most:,} characters)")


def _fields(before: Settings, wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields of the settings that are wanted; a rule whose text was there already keeps its id."""
    if "rules" not in wanted:
        return wanted
    known = {rule.text: rule.id for rule in before.rules}
    following = before.next_rule
    rules = []
    for text in wanted["rules"]:
        if text not in known:
            known[text], following = following, following + 1
        rules.append(Rule(known[text], text))
    return {**wanted, "rules": tuple(rules), "next_rule": following}
