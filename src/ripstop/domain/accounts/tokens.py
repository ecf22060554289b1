"""Secrets that stand for applications and tokens: made here, kept as hashes, and found again."""

import hashlib
import secrets
from typing import NamedTuple

from ripstop.domain.accounts.model import ACCOUNT, TOKEN, Token, token_name
from ripstop.machinery.graph import Entry, Graph

REMEMBERED = 25_000
"""Tokens that one process remembers, about 300 bytes each."""
MOST_COMBINATIONS = 1_000
"""Sets of scopes that are shared between tokens; there are few, but nobody is kept from making up more."""


def new_secret() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is kept of a secret: its SHA-256 in hex. A random secret needs no slower hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, digest: str) -> bool:
    """Whether this is the secret, in constant time."""
    return secrets.compare_digest(digest_of(secret), digest)


class Bearer(NamedTuple):
    """Who holds a token, and what for. `pending`: it will stand for an account that waits to be let in, and for nobody
    till then.
    """

    token: int
    account: int | None
    application: int | None
    scopes: frozenset[str]
    expires_at: int | None
    pending: bool = False


class Tokens:
    """Finds the holder of a secret.

    A process remembers which token a secret is: an id that never changes. Whether the token is still good is asked
    of the graph each time, whose cache is coherent, so a revoked token is refused by the next request.
    """

    def __init__(self, graph: Graph, *, remembered: int = REMEMBERED) -> None:
        self._graph = graph
        self._remembered = remembered
        self._bearers: dict[bytes, Bearer] = {}
        self._scopes: dict[tuple[str, ...], frozenset[str]] = {}

    async def authenticate(self, secret: str) -> Bearer | None:
        """The holder, or None: unknown, revoked or expired.

        No engine call while remembered and cached, at most two otherwise; of those who wait to be let in, three.
        """
        try:
            digest = hashlib.sha256(secret.encode())
        except UnicodeEncodeError:
            return None
        key = digest.digest()
        bearer = self._bearers.get(key)
        if bearer is None:
            bearer = await self._find(digest.hexdigest())
            if bearer is None:
                return None
            if not bearer.pending:
                self._remember(key, bearer)
        elif self._graph.peek(TOKEN, bearer.token) is None and await self._graph.get(TOKEN, bearer.token) is None:
            del self._bearers[key]
            return None
        if bearer.expires_at is not None and bearer.expires_at <= self._graph.now_ms():
            return None
        return bearer

    async def _find(self, digest: str) -> Bearer | None:
        name = token_name(digest)
        id_ = (await self._graph.names((name,))).get(name)
        entry = None if id_ is None else await self._graph.get(TOKEN, id_)
        if entry is None:
            return None
        bearer = self._bearer(entry)
        if entry.value.pending and bearer.account is not None:
            account = await self._graph.get(ACCOUNT, bearer.account)
            if account is None or account.value.pending:
                return bearer._replace(account=None, pending=True)
        return bearer

    def _bearer(self, entry: Entry[Token]) -> Bearer:
        token = entry.value
        if len(self._scopes) > MOST_COMBINATIONS:
            self._scopes.clear()
        scopes = self._scopes.setdefault(token.scopes, frozenset(token.scopes))
        return Bearer(entry.id, token.account, token.application, scopes, token.expires_at)

    def _remember(self, key: bytes, bearer: Bearer) -> None:
        while len(self._bearers) >= self._remembered:
            del self._bearers[next(iter(self._bearers))]
        self._bearers[key] = bearer
