"""Accounts, for the staff. Every handler asks for the role of whoever asks, whatever the token allows."""

from typing import Annotated, Literal

import msgspec

from ripstop.domain.accounts.access import access_any_account
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation import people
from ripstop.domain.moderation.authority import NOT_ALLOWED, access_staff
from ripstop.domain.moderation.finding import (
    ACTIVE,
    DISABLED,
    LIMITED,
    PENDING,
    SENSITIZED,
    SUSPENDED,
    Wanted,
    find_people,
)
from ripstop.domain.moderation.reports import access_report, resolve
from ripstop.kernel.errors import Forbidden, Invalid
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json, page
from ripstop.surfaces.http.routing import Auth, Handler, Route
from ripstop.surfaces.mastodon.present.admin import AdminPresenter, Fields

MOST = 200
"""Longest page."""

READ, WRITE = "admin:read:accounts", "admin:write:accounts"


class FindParams(msgspec.Struct, kw_only=True):
    """Which accounts, in either version of the endpoint."""

    username: str = ""
    display_name: str = ""
    by_domain: str = ""
    email: str = ""
    ip: str = ""
    max_id: Id | None = None
    limit: Annotated[int, msgspec.Meta(ge=1)] = 100


class FirstParams(FindParams, kw_only=True):
    """Which accounts, as the first version of the endpoint has it; of several states the first one counts."""

    local: bool | None = None
    remote: bool | None = None
    active: bool | None = None
    pending: bool | None = None
    disabled: bool | None = None
    silenced: bool | None = None
    suspended: bool | None = None
    sensitized: bool | None = None
    staff: bool | None = None


class SecondParams(FindParams, kw_only=True):
    """Which accounts, as the second version of the endpoint has it."""

    origin: Literal["local", "remote"] | None = None
    status: str | None = None
    permissions: Literal["staff"] | None = None
    role_ids: Annotated[list[str], msgspec.Meta(max_length=MOST)] | None = None


class ActionParams(msgspec.Struct, kw_only=True):
    """What is to be done about an account, why, and which report is resolved by that."""

    type: str | None = None
    text: str | None = None
    report_id: Id | None = None


ACTIONS: dict[str, people.Act] = {
    "sensitive": people.sensitize,
    "disable": people.disable,
    "silence": people.limit,
    "suspend": people.suspend,
}
UNDOING: dict[str, people.Act] = {
    "enable": people.enable,
    "unsilence": people.unlimit,
    "unsuspend": people.unsuspend,
    "unsensitive": people.unsensitize,
}
_STATES = {
    "active": ACTIVE,
    "pending": PENDING,
    "disabled": DISABLED,
    "silenced": LIMITED,
    "sensitized": SENSITIZED,
    "suspended": SUSPENDED,
}


class AdminAccounts:
    """Handlers of accounts for the staff."""

    def __init__(self, graph: Graph, presenter: AdminPresenter) -> None:
        self._graph = graph
        self._presenter = presenter

    def routes(self) -> list[Route]:
        base = "/api/v1/admin/accounts"
        one = base + "/{id}"
        return [
            Route("GET", base, self.first, scope=READ, auth=Auth.USER, params=FirstParams),
            Route("GET", "/api/v2/admin/accounts", self.second, scope=READ, auth=Auth.USER, params=SecondParams),
            Route("GET", one, self.one, scope=READ, auth=Auth.USER),
            Route("DELETE", one, self.delete, scope=WRITE, auth=Auth.USER),
            Route("POST", f"{one}/action", self.act, scope=WRITE, auth=Auth.USER, params=ActionParams),
            *(
                Route("POST", f"{one}/{name}", self._undoing(action), scope=WRITE, auth=Auth.USER)
                for name, action in UNDOING.items()
            ),
            Route("POST", f"{one}/approve", self._undoing(people.approve), scope=WRITE, auth=Auth.USER),
            Route("POST", f"{one}/reject", self.reject, scope=WRITE, auth=Auth.USER),
        ]

    async def first(self, request: Request, params: FirstParams) -> Response:
        """Accounts by name, those that wait for approval the newest first; those of other servers are none. At most
        seven engine calls."""
        state = next((state for name, state in _STATES.items() if getattr(params, name)), None)
        none = params.remote or params.by_domain or params.ip
        wanted = Wanted(params.username, params.display_name, params.email, state, bool(params.staff))
        return await self._several(request, None if none else wanted, params.max_id, params.limit)

    async def second(self, request: Request, params: SecondParams) -> Response:
        """Accounts by name, those that wait for approval the newest first; those of other servers are none. At most
        seven engine calls."""
        if params.status not in (None, *_STATES):
            raise Invalid("Validation failed: Status is not a supported value")
        none = params.origin == "remote" or params.by_domain or params.ip
        staff = params.permissions == "staff" or bool(params.role_ids)
        state = None if params.status is None else _STATES.get(params.status)
        wanted = Wanted(params.username, params.display_name, params.email, state, staff)
        return await self._several(request, None if none else wanted, params.max_id, params.limit)

    async def _several(self, request: Request, wanted: Wanted | None, max_id: int | None, limit: int) -> Response:
        await access_staff(self._graph, request.account, Power.MANAGE_USERS)
        if wanted is None:
            return json([])
        found = await find_people(self._graph, wanted, after=max_id, limit=min(limit, MOST))
        shown = json(await self._presenter.accounts(found.accounts))
        return page(request, shown.body, next_max_id=found.next_after, prev_min_id=None)

    async def one(self, request: Request, params: None) -> Response:
        """At most four engine calls."""
        await access_staff(self._graph, request.account, Power.MANAGE_USERS)
        return json(await self._shown(int(request.args["id"])))

    async def act(self, request: Request, params: ActionParams) -> Response:
        """At most eight engine calls and two commits, and a commit for each 30 tokens and sessions that end."""
        staff = await access_staff(self._graph, request.account, Power.MANAGE_USERS)
        action = ACTIONS.get(params.type or "")
        if action is None and params.type != "none":
            raise Invalid(f"Validation failed: Type is one of none, {', '.join(ACTIONS)}")
        account = await access_any_account(self._graph, int(request.args["id"]))
        staff.check_over(account.value)
        if params.report_id is not None:
            await access_report(self._graph, params.report_id)
        if action is not None:
            await action(self._graph, staff, account, reason=params.text or "")
        if params.report_id is not None:
            await resolve(self._graph, staff, params.report_id)
        return empty()

    def _undoing(self, action: people.Act) -> Handler:
        async def undo(request: Request, params: None) -> Response:
            """Take it back. At most eight engine calls and a commit."""
            staff = await access_staff(self._graph, request.account, Power.MANAGE_USERS)
            account = await access_any_account(self._graph, int(request.args["id"]))
            await action(self._graph, staff, account)
            await self._graph.sync()
            return json(await self._shown(account.id))

        return undo

    async def delete(self, request: Request, params: None) -> Response:
        """Delete an account that is suspended, for good. At most eight engine calls, and a few commits."""
        staff = await access_staff(self._graph, request.account, Power.DELETE_USER_DATA)
        account = await access_any_account(self._graph, int(request.args["id"]))
        if not account.value.is_suspended:
            raise Forbidden(NOT_ALLOWED)
        shown = await self._shown(account.id)
        await people.delete(self._graph, staff, account)
        return json(shown)

    async def reject(self, request: Request, params: None) -> Response:
        """Delete an account that waits for approval. At most eight engine calls, and two commits."""
        staff = await access_staff(self._graph, request.account, Power.MANAGE_USERS)
        account = await access_any_account(self._graph, int(request.args["id"]))
        shown = await self._shown(account.id)
        await people.reject(self._graph, staff, account)
        return json(shown)

    async def _shown(self, id_: int) -> Fields:
        [shown] = await self._presenter.accounts([await access_any_account(self._graph, id_)])
        return shown
