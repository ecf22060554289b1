"""Applications: registering them, and giving tokens to them."""

import random
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from ripstop.domain.accounts.check import Findings, check_length
from ripstop.domain.accounts.events import ApplicationRegistered, ApplicationUsed
from ripstop.domain.accounts.model import (
    APPLICATION,
    HOLDS_TOKEN,
    TOKEN,
    Application,
    Token,
    token_name,
)
from ripstop.domain.accounts.scopes import SCOPES, covers
from ripstop.domain.accounts.tokens import digest_of, matches, new_secret
from ripstop.engines.base import Cursor
from ripstop.kernel.errors import Forbidden, Unauthenticated
from ripstop.kernel.ids import MAX_ID, SHARDS
from ripstop.machinery.graph import Entry, Graph, Refused, Write

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI of programs that have none: the code is shown to be copied."""
MOST_TOKENS = 100
"""Of an account that are looked at together: those of a page, or of a batch."""
UNUSED_DAYS = 30
"""Days for which an application is kept that nobody has let in."""
MAX_NAME = 60
MAX_URL = 2_000
_DANGEROUS = frozenset({"javascript", "data", "vbscript", "blob"})


class Registered(NamedTuple):
    """A new application. The secret is known here and now only."""

    id: int
    application: Application
    secret: str


class Granted(NamedTuple):
    """A new token. The secret is known here and now only."""

    id: int
    token: Token
    secret: str


class UnknownScope(ValueError):
    """A scope that there is not, or that the application did not register."""


async def register_application(
    graph: Graph, *, name: str, redirect_uris: Sequence[str], scopes: Sequence[str], website: str | None
) -> Registered:
    """Make an application known. One commit.

    :raises Invalid: with what is wrong, field by field.
    """
    findings = Findings()
    if not name.strip():
        findings.add("name", "ERR_BLANK")
    check_length("name", name, MAX_NAME, findings)
    if not redirect_uris:
        findings.add("redirect_uri", "ERR_BLANK")
    if any(not is_redirect_uri(uri) for uri in redirect_uris):
        findings.add("redirect_uri", "ERR_INVALID", "must be an absolute URI")
    if not SCOPES.issuperset(scopes):
        findings.add("scopes", "ERR_INVALID", "doesn't match configured on the server")
    if website is not None and not is_website(website):
        findings.add("website", "ERR_INVALID")
    findings.settle()
    secret = new_secret()
    write = graph.write_in(random.randrange(SHARDS))  # noqa: S311 - spreads load, and guards nothing
    id_ = write.new_id()
    application = Application(
        name=name.strip(),
        redirect_uris=tuple(redirect_uris),
        scopes=tuple(scopes),
        secret_hash=digest_of(secret),
        created_at=graph.now_ms(),
        website=website,
    )
    write.create(APPLICATION, id_, application)
    until = application.created_at + UNUSED_DAYS * 86_400_000
    write.emit(ApplicationRegistered(application=id_, until=until))
    await graph.commit(write)
    return Registered(id_, application, secret)


def is_redirect_uri(uri: str) -> bool:
    """Absolute, without a fragment (RFC 6749, section 3.1.2), and nothing that a browser would run."""
    if uri == OUT_OF_BAND:
        return True
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if len(uri) > MAX_URL or not parts.scheme or parts.fragment or parts.scheme in _DANGEROUS or not uri.isprintable():
        return False
    return bool(parts.hostname) if parts.scheme in ("http", "https") else ":" in uri


def is_website(url: str) -> bool:
    """An address of a page on the web."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= MAX_URL and url.isprintable()


async def find_application(graph: Graph, client_id: str) -> Entry[Application] | None:
    """The application of a client id. No engine call when cached."""
    id_ = int(client_id) if client_id.isascii() and client_id.isdigit() and len(client_id) <= 19 else 0
    return await graph.get(APPLICATION, id_) if 0 < id_ <= MAX_ID else None


async def check_client(graph: Graph, client_id: str, client_secret: str) -> Entry[Application]:
    """The application that proves to be it.

    :raises Unauthenticated: there is none of this id, or the secret is another's.
    """
    application = await find_application(graph, client_id)
    # The comparison is made in any case, so that its time does not tell which ids there are.
    digest = application.value.secret_hash if application is not None else "0" * 64
    if not matches(client_secret, digest) or application is None:
        raise Unauthenticated("Client authentication failed")
    return application


def check_scopes(application: Application, scopes: Sequence[str]) -> None:
    """Pass if an application may have these scopes.

    :raises UnknownScope: one of them goes beyond what it registered.
    """
    for scope in scopes:
        if scope not in SCOPES or not covers(application.scopes, scope):
            raise UnknownScope(scope)


async def grant_to_application(graph: Graph, application: Entry[Application], scopes: Sequence[str]) -> Granted:
    """A token for the application alone. One commit.

    :raises UnknownScope: a scope goes beyond what the application registered.
    :raises Unauthenticated: the application has just ended.
    """
    check_scopes(application.value, scopes)
    write = graph.write(application.id)
    granted = do_grant(write, application, scopes, account=None, now_ms=graph.now_ms())
    try:
        await graph.commit(write)
    except Refused:  # it has just ended, since nobody had let it in
        raise Unauthenticated("Client authentication failed") from None
    return granted


def do_grant(
    write: Write,
    application: Entry[Application],
    scopes: Sequence[str],
    *,
    account: int | None,
    now_ms: int,
    pending: bool = False,
) -> Granted:
    """Add a new token to a batch, whose home is the shard of what the token acts for.

    :param pending: the account waits to be let in.
    """
    secret = new_secret()
    id_ = write.new_id()
    token = Token(
        application=application.id,
        scopes=tuple(scopes),
        hash=digest_of(secret),
        created_at=now_ms,
        account=account,
        pending=pending,
    )
    write.create(TOKEN, id_, token)
    write.claim(token_name(token.hash), id_)
    if account is not None:
        write.put(HOLDS_TOKEN, account, id_, order=id_)
        if not application.value.is_used:
            write.emit(ApplicationUsed(application=application.id))
    elif not application.value.is_used:
        write.patch(APPLICATION, application.id, is_used=True)
    return Granted(id_, token, secret)


async def revoke(graph: Graph, secret: str, application: Entry[Application]) -> None:
    """Revoke a token of this application; one that there is not is revoked already (RFC 7009, section 2.2).

    :raises Forbidden: the token is another application's.
    """
    name = token_name(digest_of(secret))
    id_ = (await graph.names((name,))).get(name)
    entry = None if id_ is None else await graph.get(TOKEN, id_)
    if entry is None:
        return
    if entry.value.application != application.id:
        raise Forbidden("You are not authorized to revoke this token")
    await do_revoke(graph, entry)


async def do_revoke(graph: Graph, token: Entry[Token]) -> None:
    """Revoke a token; nothing happens if it is revoked already. One commit."""
    write = graph.write(token.id)
    end_token(write, token)
    try:
        await graph.commit(write)
    except Refused:  # somebody else revoked it meanwhile
        return


async def applications_of(graph: Graph, account: int) -> list[Entry[Application]]:
    """Those that hold the newest tokens of an account, the one that was let in last first. At most three engine
    calls."""
    tokens, _ = await _tokens_of(graph, account)
    ids = list(dict.fromkeys(token.value.application for token in tokens))
    found = await graph.get_many(APPLICATION, ids)
    return [found[id_] for id_ in ids if id_ in found]


async def revoke_application(graph: Graph, account: int, application: int) -> None:
    """Revoke all that an application holds of an account. At most two engine calls and a commit for each
    `MOST_TOKENS` of the account's tokens."""
    before: Cursor | None = None
    while True:
        tokens, last = await _tokens_of(graph, account, before=before)
        write = graph.write(account)
        for token in tokens:
            if token.value.application == application:
                end_token(write, token)
        if write.operations:
            try:
                await graph.commit(write)
            except Refused:  # one of them was revoked meanwhile
                await graph.sync()
                continue
        if last is None:
            return
        before = last


async def _tokens_of(
    graph: Graph, account: int, *, before: Cursor | None = None
) -> tuple[list[Entry[Token]], Cursor | None]:
    """A page of an account's tokens, the newest first, and where the next one begins."""
    rows = await graph.range(account, HOLDS_TOKEN, before=before, limit=MOST_TOKENS)
    found = await graph.get_many(TOKEN, [row.target for row in rows])
    last = (rows[-1].order, rows[-1].target) if len(rows) == MOST_TOKENS else None
    return [found[row.target] for row in rows if row.target in found], last


def end_token(write: Write, token: Entry[Token]) -> None:
    """End a token in a batch; refused if it has ended."""
    write.delete(token.id)
    write.release(token_name(token.value.hash), token.id)
    if token.value.account is not None:
        write.remove(HOLDS_TOKEN, token.value.account, token.id)
