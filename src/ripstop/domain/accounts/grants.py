"""Grants: letting an application in by the authorization code flow of OAuth 2 (RFC 6749, section 4.1) with PKCE."""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.accounts.applications import Granted, check_scopes, do_grant, do_revoke
from ripstop.domain.accounts.events import AccessGranted
from ripstop.domain.accounts.model import ACCOUNT, GRANT, TOKEN, Application, Grant, code_name
from ripstop.domain.accounts.tokens import digest_of, new_secret
from ripstop.engines.batch import CheckObject
from ripstop.machinery.graph import Entry, Graph, Refused

CODE_SECONDS = 600
"""In which a code must be exchanged (RFC 6749, section 4.1.2, recommends no more)."""
KEPT_SECONDS = 86_400
"""In which a second exchange is recognised, and revokes what came of the first."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class BadChallenge(ValueError):
    """The PKCE parameters are not those of S256."""


class BadGrant(Exception):
    """The code is unknown, used, expired, or was given to somebody else or for something else."""


class Ask(NamedTuple):
    """What an application asks for, checked."""

    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None


def check_ask(
    application: Entry[Application], redirect_uri: str, scopes: Sequence[str], *, challenge: str, method: str
) -> Ask:
    """What an application asks for, if it may. `redirect_uri` must be one of its own already.

    :param challenge: PKCE's, or empty; `method` is how it was made.
    :raises UnknownScope: a scope goes beyond what the application registered.
    :raises BadChallenge: the challenge is not one of S256, which is the only method (RFC 9700, section 2.1.1).
    """
    check_scopes(application.value, scopes)
    if challenge or method:
        if method != "S256":
            raise BadChallenge("The code_challenge_method must be S256.")
        if not _CHALLENGE.fullmatch(challenge):
            raise BadChallenge("The code_challenge must be the base64url-encoded SHA-256 of the verifier.")
    return Ask(redirect_uri, tuple(scopes), challenge or None)


async def grant_access(graph: Graph, account: int, application: Entry[Application], ask: Ask) -> str:
    """Let an application in, as the account's owner agreed. The answer is the code. One commit."""
    code = new_secret()
    now_ms = graph.now_ms()
    kept = now_ms + KEPT_SECONDS * 1_000
    write = graph.write(account)
    id_ = write.new_id()
    grant = Grant(
        application=application.id,
        account=account,
        redirect_uri=ask.redirect_uri,
        scopes=ask.scopes,
        hash=digest_of(code),
        created_at=now_ms,
        expires_at=now_ms + CODE_SECONDS * 1_000,
        challenge=ask.challenge,
    )
    write.create(GRANT, id_, grant)
    write.claim(code_name(grant.hash), id_, expires=kept)
    write.emit(AccessGranted(grant=id_, kept=kept))
    await graph.commit(write)
    return code


async def exchange_code(
    graph: Graph, application: Entry[Application], code: str, *, redirect_uri: str, verifier: str
) -> Granted:
    """A token for a code, once. At most three engine calls and a commit.

    A second exchange means that somebody else has seen the code, so the token of the first is revoked
    (RFC 6749, section 4.1.2).

    :param verifier: PKCE's, or empty; must be there if and only if the grant has a challenge.
    :raises BadGrant: there is no token for this.
    """
    name = code_name(digest_of(code))
    id_ = (await graph.names((name,))).get(name)
    entry = None if id_ is None else await graph.get(GRANT, id_)
    if entry is None or entry.value.application != application.id:
        raise BadGrant("unknown, or another application's")
    if entry.value.token is not None:
        await _revoke_exchanged(graph, entry.value.token)
        raise BadGrant("used before")
    grant = entry.value
    if grant.expires_at <= graph.now_ms():
        raise BadGrant("expired")
    if grant.redirect_uri != redirect_uri:
        raise BadGrant("given for another redirect URI")
    if not _answers(grant.challenge, verifier):
        raise BadGrant("the verifier does not answer the challenge")
    account = await graph.get(ACCOUNT, grant.account)
    if account is None or account.value.is_shut_out:
        raise BadGrant("the account is gone")
    write = graph.write(entry.id)
    # Nobody gets a token of an account that is being shut out: that changes its version.
    write.check_object(account.id, account.version)
    granted = do_grant(write, application, grant.scopes, account=grant.account, now_ms=graph.now_ms())
    write.patch(GRANT, entry.id, version=entry.version, token=granted.id)
    try:
        await graph.commit(write)
    except Refused as refused:
        await graph.sync()
        if isinstance(refused.operation, CheckObject):  # the account was changed, suspended or deleted meanwhile
            return await exchange_code(graph, application, code, redirect_uri=redirect_uri, verifier=verifier)
        first = await graph.get(GRANT, entry.id)  # another exchange of the same code was faster
        if first is not None and first.value.token is not None:
            await _revoke_exchanged(graph, first.value.token)
        raise BadGrant("used at the same time") from None
    return granted


def _answers(challenge: str | None, verifier: str) -> bool:
    """Whether a verifier is the one of a challenge (RFC 7636, section 4.6), or neither is there.

    A verifier without a challenge is refused, since somebody may have taken the challenge away on its way.
    """
    if challenge is None:
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return secrets.compare_digest(made, challenge)


async def _revoke_exchanged(graph: Graph, token: int) -> None:
    entry = await graph.get(TOKEN, token)
    if entry is not None:
        await do_revoke(graph, entry)
