"""Changing the settings of the server."""

from typing import Any

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import Subject, record
from ripstop.domain.moderation.authority import Staff
from ripstop.domain.settings import HOLDS_SETTINGS, SETTINGS, SETTINGS_ID, Held, Rule, Settings
from ripstop.domain.text import tidy
from ripstop.kernel.errors import Conflict, Invalid
from ripstop.machinery.graph import Graph, Refused

MAX_TEXT = 20_000
"""Characters of a long text."""
MAX_LINE = 500
"""Characters of a rule, of an address, and of what newcomers are told."""
MOST_RULES = 50
_TRIES = 5
_LONG = frozenset({"extended_description", "privacy_policy"})


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; what is None stays. `rules` are the texts of all rules, in their order."""

    registrations: bool | None = None
    closed_message: str | None = None
    contact_email: str | None = None
    extended_description: str | None = None
    privacy_policy: str | None = None
    rules: tuple[str, ...] | None = None


async def change_settings(graph: Graph, staff: Staff, changes: Changes) -> None:
    """Change the settings, and record which. One engine call and a commit; no commit if nothing changes.

    :raises Forbidden: the staff may not do this.
    :raises Invalid: a text is too long, or there are too many rules.
    :raises Conflict: they are being changed all the time.
    """
    staff.check_power(Power.MANAGE_SETTINGS)
    wanted = _checked(changes)
    for _ in range(_TRIES):
        entry = await graph.get(SETTINGS, SETTINGS_ID)
        before = Settings() if entry is None else entry.value
        fields = {name: value for name, value in _fields(before, wanted).items() if getattr(before, name) != value}
        if not fields:
            return
        at = graph.now_ms()
        write = graph.write(SETTINGS_ID)
        if entry is None:
            write.create(SETTINGS, SETTINGS_ID, msgspec.structs.replace(before, **fields, updated_at=at))
        else:
            write.patch(SETTINGS, SETTINGS_ID, version=entry.version, **fields, updated_at=at)
        held = Held(1 if entry is None else entry.version + 1)
        write.put(HOLDS_SETTINGS, SETTINGS_ID, SETTINGS_ID, order=0, data=held)
        detail = ", ".join(sorted(fields.keys() - {"next_rule"}))
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
            value = tidy(value)
            _check_length(name, value, MAX_TEXT if name in _LONG else MAX_LINE)
        if value is not None:
            wanted[name] = value
    if changes.rules is not None:
        wanted["rules"] = list(dict.fromkeys(text for rule in changes.rules if (text := tidy(rule).replace("\n", " "))))
        for text in wanted["rules"]:
            _check_length("rules", text, MAX_LINE)
        if len(wanted["rules"]) > MOST_RULES:
            raise Invalid(f"Validation failed: There are {MOST_RULES} rules at most")
    return wanted


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
