"""Pages of the staff: accounts, and what was done. Every handler asks for the role of the reader."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.access import access_any_account
from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.accounts.roles import NO_ROLE, ROLES, Power, rank
from ripstop.domain.moderation import people
from ripstop.domain.moderation.audit import MAX_REASON, log, place_of
from ripstop.domain.moderation.authority import Staff, access_staff
from ripstop.domain.moderation.finding import PENDING, STATES, Owner, Wanted, find_people, owners_of, states_of
from ripstop.domain.moderation.model import Audit
from ripstop.domain.moderation.second_factors import remove_second_factors
from ripstop.kernel.errors import Forbidden, Invalid
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import face
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, older

ACCOUNTS, AUDIT = "/admin/accounts", "/admin/audit"
MOST = 40
"""Accounts, or entries of the log, of one page."""


class FindParams(msgspec.Struct, kw_only=True):
    """Which accounts: how their user names begin, or whose address of e-mail it is; and how they stand."""

    q: str = ""
    state: str = ""
    max_id: Id | None = None


class PageParams(msgspec.Struct, kw_only=True):
    """What is older than an id."""

    max_id: Id | None = None


class ActParams(msgspec.Struct, kw_only=True):
    """What is to be done about an account, or a post, and why; `role` for the action of that name."""

    id: int
    act: str
    reason: str = ""
    role: str = NO_ROLE
    proof: str = ""


class Switch(NamedTuple):
    """Two things that undo each other, in words, and which of them is to be offered."""

    name: str
    words: str
    act: people.Act
    is_on: Callable[[Account], bool]


SWITCHES = (
    Switch("limit", "Limit", people.limit, lambda account: account.limited_at is None),
    Switch("unlimit", "Limit no more", people.unlimit, lambda account: account.limited_at is not None),
    Switch("sensitize", "Mark its posts sensitive", people.sensitize, lambda account: account.sensitized_at is None),
    Switch("unsensitize", "Mark no more posts", people.unsensitize, lambda account: account.sensitized_at is not None),
    Switch("disable", "Disable", people.disable, lambda account: account.disabled_at is None),
    Switch("enable", "Enable", people.enable, lambda account: account.disabled_at is not None),
    Switch("suspend", "Suspend", people.suspend, lambda account: account.suspended_at is None),
    Switch("unsuspend", "Restore", people.unsuspend, lambda account: account.suspended_at is not None),
)


JUDGING = (
    Switch("approve", "Let them in", people.approve, lambda account: account.pending),
    Switch("reject", "Reject, and delete the account", people.reject, lambda account: account.pending),
)
"""What is done about accounts that wait to be let in; nothing else is, while they do."""

REMOVE_FACTORS = "remove_second_factors"


class Line(NamedTuple):
    """An entry of the log as a page shows it."""

    at: str
    actor: str
    audit: Audit


class Admin:
    """Handlers of accounts and of the log."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        own, act = self._shell.own, self._shell.act
        return [
            Route("GET", ACCOUNTS, own(self.accounts), params=FindParams),
            Route("GET", ACCOUNTS + "/{id}", own(self.account)),
            Route("POST", ACCOUNTS + "/{id}", act(self.do), params=ActParams),
            Route("GET", AUDIT, own(self.audit), params=PageParams),
        ]

    async def accounts(self, request: Request, params: FindParams, reader: Reader) -> Answer:
        """Accounts by name. At most three engine calls."""
        await access_staff(self._graph, reader.id, Power.MANAGE_USERS)
        query = params.q.strip().removeprefix("@")
        email, name = (query, "") if "@" in query else ("", query)
        wanted = Wanted(beginning=name, email=email, state=params.state if params.state in STATES else None)
        found = await find_people(self._graph, wanted, after=params.max_id, limit=MOST)
        context = {
            "form": params,
            "states": {"": "all", **{state: state for state in STATES}},
            "found": [(entry.id, entry.value, states_of(entry.value)) for entry in found.accounts],
            "older": older(request, found.next_after, q=params.q, state=params.state),
        }
        return Shown("admin_accounts.html", context)

    async def account(self, request: Request, params: None, reader: Reader) -> Answer:
        """One account, and what the reader may do about it. At most two engine calls."""
        staff = await access_staff(self._graph, reader.id, Power.MANAGE_USERS)
        account = await access_any_account(self._graph, int(request.args["id"]))
        owner = (await owners_of(self._graph, [account])).get(account.id, Owner())
        above = rank(account.value.role) < staff.rank
        context = {
            "who": face(account.id, account.value),
            "account": account.value,
            "owner": owner,
            "since": shown_instant(account.value.created_at),
            "states": states_of(account.value),
            "acts": [(one.name, one.words) for one in _offered(account.value) if above],
            "removes_factors": REMOVE_FACTORS
            if above and owner.has_second_factor and _may(staff, Power.MANAGE_USER_ACCESS)
            else "",
            "roles": _roles(staff) if above and _may(staff, Power.MANAGE_ROLES) else {},
            "most": MAX_REASON,
        }
        return Shown("admin_account.html", context)

    async def do(self, request: Request, params: ActParams, reader: Reader) -> Answer:
        """At most four engine calls, and a few commits."""
        staff = await access_staff(self._graph, reader.id, Power.MANAGE_USERS)
        account = await access_any_account(self._graph, params.id)
        if params.act == "role":
            await people.give_role(self._graph, staff, account, params.role)
            return lead(f"{request.origin}{ACCOUNTS}/{params.id}")
        if params.act == REMOVE_FACTORS:
            await remove_second_factors(self._graph, staff, account, reason=params.reason)
            return lead(f"{request.origin}{ACCOUNTS}/{params.id}")
        acts = {one.name: one.act for one in (*JUDGING, *SWITCHES)}
        if params.act not in acts:
            raise Invalid("There is no such thing to be done.")
        await acts[params.act](self._graph, staff, account, reason=params.reason)
        if account.value.pending:
            return lead(f"{request.origin}{ACCOUNTS}?state={PENDING}")
        return lead(f"{request.origin}{ACCOUNTS}/{params.id}")

    async def audit(self, request: Request, params: PageParams, reader: Reader) -> Answer:
        """What was done, the newest first. At most three engine calls."""
        await access_staff(self._graph, reader.id, Power.VIEW_AUDIT_LOG)
        entries = await log(self._graph, limit=MOST, below=params.max_id)
        actors = await self._graph.get_many(ACCOUNT, {e.value.actor for e in entries if e.value.actor is not None})
        lines = [Line(shown_instant(e.value.at), _actor(e.value, actors), e.value) for e in entries]
        last = place_of(entries[-1].id, entries[-1].value.at) if len(entries) == MOST else None
        context = {"lines": lines, "older": older(request, last)}
        return Shown("admin_audit.html", context)


def _offered(account: Account) -> list[Switch]:
    """What can be done about an account."""
    return [one for one in (JUDGING if account.pending else SWITCHES) if one.is_on(account)]


def _may(staff: Staff, power: Power) -> bool:
    try:
        staff.check_power(power)
    except Forbidden:
        return False
    return True


def _roles(staff: Staff) -> dict[str, str]:
    """The roles that somebody may give, in words."""
    return {role: role or "none" for role in ROLES if rank(role) < staff.rank}


def _actor(audit: Audit, actors: Mapping[int, Entry[Account]]) -> str:
    if audit.actor is None:
        return "the operator"
    return f"@{actors[audit.actor].value.acct}" if audit.actor in actors else "somebody who is gone"


def shown_instant(milliseconds: int) -> str:
    """An instant as pages of the staff write it."""
    return f"{datetime.fromtimestamp(milliseconds / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
