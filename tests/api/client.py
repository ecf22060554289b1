"""A client of the Mastodon API for tests: people by name, and answers that are easy to look at."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec
from aiohttp.typedefs import Query

from ripstop.boot import opened_store
from ripstop.engines.base import Store
from ripstop.kernel.errors import Unavailable
from tests.described import check_described
from tests.server import PATIENCE, Server

PASSWORD = "a long enough secret"
SCOPES = "read write follow push"

LATER = frozenset(
    {
        "accounts.hash_password",
        "accounts.end_session",
        "conversations.settle_late",
        "accounts.end_grant",
        "accounts.delete_again",
        "accounts.end_suspended",
        "accounts.end_unused_application",
        "follows.end_mute",
        "media.sweep",
        "notifications.forget",
    }
)
"""Functions whose calls no test here waits for: the first are slow, the others due in days."""

Form = Mapping[str, object] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def ids(self) -> list[str]:
        """The ids of a list."""
        assert self.status == 200, self.body
        return [item["id"] for item in self.json()]

    def link(self, rel: str) -> dict[str, str] | None:
        """The query of the page that the Link header names so."""
        for part in self.headers.get("link", "").split(", "):
            if part.endswith(f'; rel="{rel}"'):
                return dict(parse_qsl(urlsplit(part[1 : part.index(">")]).query))
        return None


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a token."""

    id: str
    username: str
    token: str


class Api:
    """Speaks to one server. With `as_`, as that person; with `token`, under that token."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        self._session = session
        self._server = server
        self._app_token = ""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        as_: Person | None = None,
        token: str | None = None,
        form: Form | None = None,
        json: object = None,
        data: Any = None,
        query: Query = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, whose answer must be as the API is described.

        Where the server says that it has too much to do, having done nothing, it is asked again.
        """
        sent = dict(headers or {})
        bearer = as_.token if as_ is not None else token
        if bearer is not None:
            sent["authorization"] = f"Bearer {bearer}"
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self._session.request(
                    method,
                    self._server.url + path,
                    data=form if form is not None else data,
                    json=json,
                    params=query,
                    headers=sent,
                    allow_redirects=False,
                ) as response:
                    received = {name.lower(): value for name, value in response.headers.items()}
                    answer = Answer(response.status, received, await response.read())
                if answer.status != 503:
                    check_described(method, path, answer.status, received, answer.body)
                    if method == "POST":  # within one millisecond, ids of several shards do not sort by time
                        await asyncio.sleep(0.001)
                    return answer
                await asyncio.sleep(0.1)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.ask("POST", path, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.ask("DELETE", path, **options)

    async def want(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer that must be a good one."""
        answer = await self.ask(method, path, **options)
        assert answer.status == 200, f"{method} {path}: {answer.status} {answer.body!r}"
        return answer.json()

    # People

    async def app(self, scopes: str = SCOPES) -> dict[str, Any]:
        """A registered application."""
        form = {"client_name": "test", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": scopes}
        return dict(await self.want("POST", "/api/v1/apps", form=form))

    async def app_token(self, scopes: str = SCOPES) -> str:
        """A token of a new application alone."""
        app = await self.app(scopes)
        form = {
            "grant_type": "client_credentials",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "scope": scopes,
        }
        return str((await self.want("POST", "/oauth/token", form=form))["access_token"])

    async def person(self, name: str, *, scopes: str = SCOPES) -> Person:
        """Somebody new, whose user name begins like this."""
        if scopes != SCOPES:
            app_token = await self.app_token(scopes)
        else:
            self._app_token = app_token = self._app_token or await self.app_token()
        form = sign_up_form(f"{name}_{secrets.token_hex(4)}")
        token = (await self.want("POST", "/api/v1/accounts", token=app_token, form=form))["access_token"]
        own = await self.want("GET", f"/api/v1/accounts/lookup?acct={form['username']}")
        return Person(own["id"], form["username"], token)

    async def publish(self, who: Person, status: str, **fields: object) -> dict[str, Any]:
        """A new post."""
        return dict(await self.want("POST", "/api/v1/statuses", as_=who, form={"status": status, **fields}))

    async def edit(self, who: Person, post: str, status: str, **fields: object) -> dict[str, Any]:
        """Let one's post say something else."""
        return dict(await self.want("PUT", f"/api/v1/statuses/{post}", as_=who, form={"status": status, **fields}))

    async def follow(self, who: Person, whom: Person) -> None:
        await self.want("POST", f"/api/v1/accounts/{whom.id}/follow", as_=who)

    async def drained(self) -> None:
        """Return once nothing is left to be done in the background, but for what has time."""
        await self._none_left(lambda name: name not in LATER)

    async def hashed(self) -> None:
        """Return once no password waits to be hashed."""
        await self._none_left(lambda name: name == "accounts.hash_password")

    async def staff_told(self) -> None:
        """Return once the staff knows of all newcomers and reports."""
        await self._none_left(lambda name: name.startswith("moderation."))

    async def _none_left(self, of: Callable[[str], bool]) -> None:
        async with opened_store(self._server.configuration) as store, asyncio.timeout(PATIENCE):
            while await _has_calls(store, of):  # noqa: ASYNC110 - another process does the work, and tells nobody
                await asyncio.sleep(0.02)


async def _has_calls(store: Store, of: Callable[[str], bool]) -> bool:
    """Whether anything is to be done of functions with such names, as far as the store can say now."""
    try:
        backlogs = await store.call_stats()
    except Unavailable:
        return True
    return any(one.waiting + one.ready + one.leased for name, one in backlogs.items() if of(name))


def sign_up_form(username: str, /, **changes: str) -> dict[str, str]:
    """The form of somebody who signs up."""
    form = {
        "username": username,
        "email": f"{username}@example.org",
        "password": PASSWORD,
        "agreement": "true",
        "locale": "en",
    }
    return {**form, **changes}
