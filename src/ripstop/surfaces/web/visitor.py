"""Who sits before a page: the cookies by which a browser is known, and the proof that a form was ours."""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from ripstop.domain.accounts.model import ACCOUNT, Account, Session
from ripstop.domain.accounts.sessions import SESSION_SECONDS, find_session
from ripstop.domain.settings import Settings, settings_of
from ripstop.kernel.errors import Forbidden
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.request import Request

_COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]{20,100}")

Cookie = tuple[str, str]
"""A header that sets one."""


class LoggedIn(NamedTuple):
    """Somebody who is known, and the session by which."""

    account: Entry[Account]
    session: Entry[Session]


class Visitor(NamedTuple):
    """A browser. `proof` goes with each form, and must come back with it.

    `cookies` are headers for the answer, if the browser had no cookie yet. `settings` are what pages say of the server.
    """

    known: LoggedIn | None
    proof: str
    settings: Settings
    cookies: tuple[Cookie, ...] = ()


class Visitors:
    """Knows browsers by two cookies.

    The cookie *session* holds the secret of a session. A browser without one has the cookie *visit*, a random value
    that means nothing by itself. The proof of a form is a keyed hash of whichever is there, so that no other site can
    make one (OWASP's "signed double-submit cookie"), and that none outlives its session.

    :param origin: the public URL. Where it is of https, cookies are sent over https alone, and only by and to this
        very host (the prefix `__Host-`).
    """

    def __init__(self, graph: Graph, seal: Secrets, *, origin: str) -> None:
        self._graph = graph
        self._key = seal.key("forms")
        secure = origin.startswith("https:")
        prefix = "__Host-" if secure else ""
        self._session = prefix + "ripstop_session"
        self._visit = prefix + "ripstop_visit"
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def meet(self, request: Request) -> Visitor:
        """Who it is. No engine call without the cookie of a session, at most three with it; and those of
        `settings_of`."""
        known = await self.recall(request)
        if known is not None:
            return known
        visit = _cookies(request.header("cookie") or "").get(self._visit, "")
        if visit:
            return Visitor(None, self._proof("visit", visit), await self.settings())
        visit = secrets.token_urlsafe(24)
        return Visitor(None, self._proof("visit", visit), await self.settings(), (self._set(self._visit, visit),))

    async def recall(self, request: Request) -> Visitor | None:
        """Who is logged in there, if anybody is; others are given no cookie. As many engine calls as `meet`."""
        secret = _cookies(request.header("cookie") or "").get(self._session, "")
        known = await self._find(secret) if secret else None
        return None if known is None else Visitor(known, self._proof("session", secret), await self.settings())

    async def settings(self) -> Settings:
        """What pages say of the server. From the cache, or with one engine call."""
        return await settings_of(self._graph)

    def open(self, secret: str) -> tuple[Cookie, ...]:
        """Let the browser keep the secret of a new session."""
        return (self._set(self._session, secret, f"; Max-Age={SESSION_SECONDS}"), self._drop(self._visit))

    def close(self) -> tuple[Cookie, ...]:
        """Let the browser forget its session."""
        return (self._drop(self._session), self._drop(self._visit))

    async def _find(self, secret: str) -> LoggedIn | None:
        session = await find_session(self._graph, secret)
        account = None if session is None else await self._graph.get(ACCOUNT, session.value.account)
        if session is None or account is None or account.value.is_shut_out:
            return None
        return LoggedIn(account, session)

    def _proof(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind} {value}".encode(), hashlib.sha256).hexdigest()

    def _set(self, name: str, value: str, extra: str = "") -> Cookie:
        return ("set-cookie", f"{name}={value}{self._attributes}{extra}")

    def _drop(self, name: str) -> Cookie:
        return self._set(name, "", "; Max-Age=0")


def check_proof(visitor: Visitor, given: str) -> None:
    """Pass if a form was made for this browser.

    :raises Forbidden: it was made by another site, or for somebody who has logged in or out since.
    """
    if not given.isascii() or not secrets.compare_digest(visitor.proof, given):
        raise Forbidden("This form has expired. Please go back, load the page again, and allow it to keep a cookie.")


def _cookies(header: str) -> dict[str, str]:
    """Cookies of the form that ours have; of two of one name the first, which is of the longest path."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if _COOKIE_VALUE.fullmatch(value):
            found.setdefault(name, value)
    return found
