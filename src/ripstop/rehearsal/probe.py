"""Typed reads of the client API for the check, tried again when the server sheds them or a connection breaks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import msgspec

from ripstop.rehearsal.pool import Pool, UnansweredError
from ripstop.rehearsal.wire import Answer

TRIES = 20
ASKED_AT_ONCE = 40
T = TypeVar("T")

_TAGS = re.compile(r"<[^>]+>")
_NEXT = re.compile(r'<https?://[^/>]+([^>]+)>\s*;\s*rel="?next"?')


class ProbeError(Exception):
    """The server did not answer a question of the check."""


class AccountView(msgspec.Struct):
    id: str
    username: str
    followers_count: int
    following_count: int
    statuses_count: int


class _Reference(msgspec.Struct):
    id: str


class _Tag(msgspec.Struct):
    name: str


class StatusView(msgspec.Struct):
    id: str
    account: _Reference
    content: str
    in_reply_to_id: str | None
    favourites_count: int
    reblogs_count: int
    replies_count: int
    mentions: list[_Reference]
    tags: list[_Tag]
    reblog: _Reference | None = None
    favourited: bool = False
    reblogged: bool = False

    @property
    def key(self) -> str:
        """The last word of the text, where the crowd puts what tells its posts apart."""
        words = _TAGS.sub(" ", self.content).split()
        return words[-1] if words else ""


class Relationship(msgspec.Struct):
    id: str
    following: bool


class _Context(msgspec.Struct):
    ancestors: list[StatusView]
    descendants: list[StatusView]


class Probe:
    """Questions to one server. Each raises ProbeError when there is no usable answer."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def credentials(self, token: str) -> AccountView | None:
        """Whose token it is; None when the server does not know it."""
        return await self._one("/api/v1/accounts/verify_credentials", AccountView, token=token, absent=(401, 403))

    async def lookup(self, name: str) -> AccountView | None:
        return await self._one(f"/api/v1/accounts/lookup?acct={name}", AccountView)

    async def account(self, account_id: str) -> AccountView | None:
        return await self._one(f"/api/v1/accounts/{account_id}", AccountView)

    async def status(self, status_id: str, token: str) -> StatusView | None:
        """A post as the token's owner sees it."""
        return await self._one(f"/api/v1/statuses/{status_id}", StatusView, token=token)

    async def descendants(self, status_id: str, token: str) -> list[StatusView]:
        context = await self._one(f"/api/v1/statuses/{status_id}/context", _Context, token=token)
        return context.descendants if context is not None else []

    async def relationships(self, token: str, targets: Sequence[str]) -> dict[str, bool]:
        """Which of the targets the token's owner follows."""
        following: dict[str, bool] = {}
        for start in range(0, len(targets), ASKED_AT_ONCE):
            query = "&".join(f"id[]={target}" for target in targets[start : start + ASKED_AT_ONCE])
            found = await self._one(f"/api/v1/accounts/relationships?{query}", list[Relationship], token=token)
            following.update((relation.id, relation.following) for relation in found or [])
        return following

    async def pages(self, path: str, token: str) -> AsyncIterator[list[StatusView]]:
        """Page after page of a list of posts, along its Link headers; a page may be short or empty.

        A list that does not exist has no pages."""
        while path:
            answer = await self._get(path, token)
            if answer.status == 404:
                return
            if not answer.ok:
                raise ProbeError(f"GET {path} was answered {answer.status}: {answer.body[:200]!r}")
            yield msgspec.json.decode(answer.body, type=list[StatusView])
            path = _next_path(answer)

    async def account_ids(self, path: str, token: str) -> list[str] | None:
        """All ids of a list of accounts; None where the server has no such list."""
        ids: list[str] = []
        while path:
            answer = await self._get(path, token)
            if answer.status in (404, 405):
                return None
            if not answer.ok:
                raise ProbeError(f"GET {path} was answered {answer.status}: {answer.body[:200]!r}")
            ids += [account.id for account in msgspec.json.decode(answer.body, type=list[_Reference])]
            path = _next_path(answer)
        return ids

    async def _one(
        self, path: str, type_: type[T], *, token: str = "", absent: tuple[int, ...] = (404, 410)
    ) -> T | None:
        answer = await self._get(path, token)
        if answer.ok:
            return msgspec.json.decode(answer.body, type=type_)
        if answer.status in absent:
            return None
        raise ProbeError(f"GET {path} was answered {answer.status}: {answer.body[:200]!r}")

    async def _get(self, path: str, token: str) -> Answer:
        try:
            return await self.pool.call("GET", path, token=token, tries=TRIES)
        except UnansweredError as error:
            raise ProbeError(f"GET {path} got no answer in {TRIES} tries.") from error


def _next_path(answer: Answer) -> str:
    found = _NEXT.search(answer.header("Link"))
    return found.group(1) if found else ""
