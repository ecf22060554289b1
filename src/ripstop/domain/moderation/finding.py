"""Accounts as the staff looks for them: by name and by state, in the order of their names."""

from collections.abc import Iterable
from typing import NamedTuple

from ripstop.domain.accounts.model import (
    ACCOUNT,
    CREDENTIALS,
    WAITING,
    WAITING_ROOT,
    Account,
    account_name,
    mail_name,
)
from ripstop.domain.moderation.authority import is_staff
from ripstop.domain.moderation.people import staff_of
from ripstop.machinery.graph import Entry, Graph

ACTIVE, PENDING, DISABLED = "active", "pending", "disabled"
LIMITED, SENSITIZED, SUSPENDED = "limited", "sensitized", "suspended"
STATES = (ACTIVE, PENDING, DISABLED, LIMITED, SENSITIZED, SUSPENDED)

MOST_LOOKED_AT = 2_000
"""Names that one page looks at; a search for what is rare may find nothing in one page, and go on in the next."""
MOST_SEARCHED = 320
"""Characters of a name or address that is looked for; none is longer."""


class Wanted(NamedTuple):
    """Which accounts: `beginning` of the user name, `state` one of STATES, and with a role."""

    beginning: str = ""
    display_name: str = ""
    email: str = ""
    state: str | None = None
    staff: bool = False


class Found(NamedTuple):
    """Accounts, and after which one to go on; None: there are no more."""

    accounts: list[Entry[Account]]
    next_after: int | None


async def find_people(graph: Graph, wanted: Wanted, *, after: int | None = None, limit: int) -> Found:
    """Accounts of this server, by name; those that wait to be let in the newest first. At most three engine calls.

    :param after: the account after which to go on.
    """
    if len(wanted.email) > MOST_SEARCHED:
        return Found([], None)
    if wanted.email:
        return Found(_those(await _with_address(graph, wanted.email), wanted), None)
    if wanted.staff:
        return Found(_those(await staff_of(graph), wanted), None)
    if wanted.state == PENDING:
        return await _waiting(graph, wanted, after=after, limit=limit)
    space, _, prefix = account_name(wanted.beginning.strip().removeprefix("@")).partition("/")
    last = None if after is None else await graph.get(ACCOUNT, after)
    if len(prefix) > MOST_SEARCHED or (after is not None and last is None):
        return Found([], None)
    beginning = None if last is None else account_name(last.value.username)
    is_plain = wanted == Wanted(beginning=wanted.beginning)
    most = limit if is_plain else MOST_LOOKED_AT
    rows = await graph.names_from(space, prefix, after=beginning, limit=most)
    entries = await graph.get_many(ACCOUNT, [row.holder for row in rows])
    there = [entries[row.holder] for row in rows if row.holder in entries]
    found = _those(there, wanted)[:limit]
    if len(found) == limit:
        return Found(found, found[-1].id)
    return Found(found, there[-1].id if len(rows) == most and there else None)


async def _waiting(graph: Graph, wanted: Wanted, *, after: int | None, limit: int) -> Found:
    """Those that wait to be let in."""
    before = None if after is None else (after, 0)
    is_plain = wanted == Wanted(state=PENDING)
    most = limit if is_plain else MOST_LOOKED_AT
    rows = await graph.range(WAITING_ROOT, WAITING, before=before, limit=most)
    entries = await graph.get_many(ACCOUNT, [row.target for row in rows])
    there = [entries[row.target] for row in rows if row.target in entries]
    found = _those(there, wanted)[:limit]
    if len(found) == limit and not is_plain:
        return Found(found, found[-1].id)
    return Found(found, rows[-1].target if len(rows) == most else None)


async def count_waiting(graph: Graph, *, most: int) -> int:
    """How many accounts wait to be let in, of so many that are counted. One engine call."""
    return len(await graph.range(WAITING_ROOT, WAITING, limit=most))


async def _with_address(graph: Graph, email: str) -> list[Entry[Account]]:
    name = mail_name(email.strip().lower())
    holder = (await graph.names((name,))).get(name)
    entry = None if holder is None else await graph.get(ACCOUNT, holder)
    return [] if entry is None else [entry]


def _those(entries: Iterable[Entry[Account]], wanted: Wanted) -> list[Entry[Account]]:
    return [entry for entry in entries if _is_wanted(entry.value, wanted)]


def _is_wanted(account: Account, wanted: Wanted) -> bool:
    if not account.username.lower().startswith(wanted.beginning.strip().removeprefix("@").lower()):
        return False
    if wanted.display_name.lower() not in account.display_name.lower():
        return False
    if wanted.staff and not is_staff(account):
        return False
    return wanted.state is None or wanted.state in states_of(account)


def states_of(account: Account) -> list[str]:
    """How an account stands."""
    found = [
        state
        for state, since in (
            (PENDING, 0 if account.pending else None),
            (DISABLED, account.disabled_at),
            (LIMITED, account.limited_at),
            (SENSITIZED, account.sensitized_at),
            (SUSPENDED, account.suspended_at),
        )
        if since is not None
    ]
    return found if account.is_shut_out else [ACTIVE, *found]


class Owner(NamedTuple):
    """What the owner of an account said at signing up: an address of e-mail, a language, and why they come; and whether
    they need more than a password to log in."""

    email: str = ""
    locale: str = "en"
    reason: str = ""
    has_second_factor: bool = False


async def owners_of(graph: Graph, accounts: Iterable[Entry[Account]]) -> dict[int, Owner]:
    """What is known of the owner of each account, by the account's id. At most one engine call."""
    ids = {entry.value.credentials: entry.id for entry in accounts if entry.value.credentials is not None}
    found = await graph.get_many(CREDENTIALS, ids)
    return {
        ids[id_]: Owner(said.email, said.locale, said.reason, said.has_second_factor)
        for id_, said in ((id_, entry.value) for id_, entry in found.items())
    }
