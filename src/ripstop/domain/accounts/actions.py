"""Signing up, and changing a profile."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from ripstop.domain.accounts.applications import Granted, do_grant
from ripstop.domain.accounts.check import (
    MAX_DISPLAY_NAME,
    MAX_NOTE,
    MAX_REASON,
    Findings,
    check_domains,
    check_email,
    check_fields,
    check_length,
    check_locale,
    check_password,
    check_username,
    is_language,
)
from ripstop.domain.accounts.events import ConsentChanged, ImageLoose, ProfileChanged, SignedUp, Unlocked
from ripstop.domain.accounts.model import (
    ACCOUNT,
    CREDENTIALS,
    DIRECTORY_ROOT,
    IN_DIRECTORY,
    NO_PICTURE,
    PRIVATE,
    PUBLIC,
    QUOTE_POLICIES,
    REPLY_POLICIES,
    SERVES,
    STAFF_ROOT,
    UNLISTED,
    WAITING_ROOT,
    WAITS,
    Account,
    Application,
    Credentials,
    Field,
    Picture,
    account_name,
    mail_name,
)
from ripstop.domain.accounts.roles import NO_ROLE
from ripstop.domain.accounts.sessions import Opened, do_open
from ripstop.domain.accounts.staff import has_staff
from ripstop.domain.settings import check_open
from ripstop.domain.text import tidy
from ripstop.engines.batch import NameSet
from ripstop.kernel.errors import Invalid, Unavailable
from ripstop.kernel.ids import SHARDS
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Entry, Graph, Refused, Write

K = TypeVar("K")

PASSWORD_SEAL = "password"  # noqa: S105 - the purpose of a seal, no secret
"""What passwords are sealed for until they are hashed."""

PICTURES = frozenset({"avatar", "header"})
KEPT_MS = 3_600 * 1_000
"""For so long a picture is kept that a profile shows no more."""


class SignUp(msgspec.Struct, frozen=True, kw_only=True):
    """The form of somebody who wants an account."""

    username: str
    email: str
    password: str
    agreement: bool
    locale: str
    reason: str = ""


class Joined(NamedTuple):
    """Somebody who has just signed up, with a token that works at once."""

    account: int
    granted: Granted


async def sign_up(graph: Graph, form: SignUp, *, application: Entry[Application], seal: Secrets) -> Joined:
    """Make an account, and a first token for the application that it was made with. See `_join`.

    Where newcomers are approved first, the token stands for nobody till then.
    """

    def enter(write: Write, account: int, pending: bool) -> Granted:
        scopes, now_ms = application.value.scopes, graph.now_ms()
        return do_grant(write, application, scopes, account=account, now_ms=now_ms, pending=pending)

    return Joined(*await _join(graph, form, seal, enter))


async def sign_up_here(graph: Graph, form: SignUp, *, agent: str, seal: Secrets) -> Opened | None:
    """Make an account, and a session of the browser in which it was made; None where newcomers are approved first. See
    `_join`."""

    def enter(write: Write, account: int, pending: bool) -> Opened | None:
        return None if pending else do_open(write, account, agent=agent, now_ms=graph.now_ms())

    return (await _join(graph, form, seal, enter))[1]


async def make_account(
    graph: Graph, form: SignUp, *, role: str, seal: Secrets, also: Callable[[Write, int], None]
) -> int:
    """Make an account for somebody, whoever is let in; its id. One commit.

    :param also: adds to the batch.
    :raises Invalid: with what is wrong, field by field.
    """
    write, account, credentials = _new_account(graph, form, seal, role=role)
    write.emit(SignedUp(account=account, credentials=credentials))
    also(write, account)
    await _commit(graph, write, form)
    return account


async def _join(graph: Graph, form: SignUp, seal: Secrets, enter: Callable[[Write, int, bool], K]) -> tuple[int, K]:
    """Make an account with its credentials. One commit, and no read unless a name is taken: the settings, and whether
    there is staff to be told, are mostly cached.

    The password is sealed here and hashed later by a function, since a good hash takes longer than all the rest.

    :param enter: adds to the batch what lets the new account in, now or (True) once it is approved.
    :raises Invalid: with what is wrong, field by field.
    :raises Forbidden: newcomers are not let in.
    """
    settings = await check_open(graph)
    pending = settings.approval_required
    write, account, credentials = _new_account(
        graph, form, seal, pending=pending, needs_reason=pending and settings.reason_required
    )
    key = enter(write, account, pending)
    write.emit(SignedUp(account=account, credentials=credentials, alerts=await has_staff(graph)))
    await _commit(graph, write, form)
    return account, key


def _new_account(
    graph: Graph,
    form: SignUp,
    seal: Secrets,
    *,
    role: str = NO_ROLE,
    pending: bool = False,
    needs_reason: bool = False,
) -> tuple[Write, int, int]:
    """A batch that makes an account, its id, and that of its credentials.

    :raises Invalid: with what is wrong, field by field.
    """
    email = _check(form, needs_reason=needs_reason)
    now_ms = graph.now_ms()
    write = graph.write_in(random.randrange(SHARDS))  # noqa: S311 - spreads load, and guards nothing
    account, credentials = write.new_id(), write.new_id()
    write.claim(account_name(form.username), account)
    write.claim(mail_name(email), account)
    value = Account(username=form.username, created_at=now_ms, credentials=credentials, role=role, pending=pending)
    write.create(ACCOUNT, account, value)
    if role != NO_ROLE:
        write.put(SERVES, account, STAFF_ROOT, order=write.new_id())
    if pending:
        write.put(WAITS, account, WAITING_ROOT, order=account)
    write.create(
        CREDENTIALS,
        credentials,
        Credentials(
            account=account,
            email=email,
            created_at=now_ms,
            password_sealed=seal.seal(form.password.encode(), PASSWORD_SEAL, bound_to=str(credentials)),
            locale=form.locale,
            reason=form.reason,
        ),
    )
    return write, account, credentials


async def _commit(graph: Graph, write: Write, form: SignUp) -> None:
    """:raises Invalid: a name is taken."""
    try:
        await graph.commit(write)
    except Refused as refused:
        raise await _taken(graph, refused, form.username, check_email(form.email, Findings())) from refused


def _check(form: SignUp, *, needs_reason: bool) -> str:
    """The address of e-mail as it is kept."""
    findings = Findings()
    check_username(form.username, findings)
    email = check_email(form.email, findings)
    check_password(form.password, findings)
    if not form.agreement:
        findings.add("agreement", "ERR_ACCEPTED")
    check_locale(form.locale, findings)
    check_length("reason", form.reason, MAX_REASON, findings)
    if needs_reason and not form.reason.strip():
        findings.add("reason", "ERR_BLANK")
    findings.settle()
    return email


async def _taken(graph: Graph, refused: Refused, username: str, email: str) -> Exception:
    """What to say of names that somebody has already; of both, if both are taken."""
    names = {"username": account_name(username), "email": mail_name(email)}
    held = await graph.names(list(names.values()))
    findings = Findings()
    for field, name in names.items():
        operation = refused.operation
        if name in held or (isinstance(operation, NameSet) and operation.name == name):
            findings.add(field, "ERR_TAKEN")
    try:
        findings.settle()
    except Invalid as invalid:
        return invalid
    return Unavailable("Please try again", cause=refused)


class ProfileChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of an account wants to change; what is None stays. An empty `posting_language` means none, as does
    NO_PICTURE."""

    display_name: str | None = None
    note: str | None = None
    fields: tuple[Field, ...] | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hide_collections: bool | None = None
    avatar: Picture | None = None
    header: Picture | None = None
    attribution_domains: tuple[str, ...] | None = None
    posting_visibility: str | None = None
    posting_sensitive: bool | None = None
    posting_language: str | None = None
    posting_quote_policy: str | None = None
    posting_reply_policy: str | None = None


async def update_profile(graph: Graph, account: Entry[Account], changes: ProfileChanges) -> Entry[Account]:
    """Change a profile. One commit and one read, or neither if nothing changes.

    :raises Invalid: with what is wrong, field by field.
    """
    wanted = _check_profile(changes)
    changed = {name: value for name, value in wanted.items() if value != getattr(account.value, name)}
    if not changed:
        return account
    write = graph.write(account.id)
    write.patch(ACCOUNT, account.id, **changed)
    write.emit(ProfileChanged(account=account.id))
    for name in PICTURES & changed.keys():
        _hang(write, before=getattr(account.value, name), after=changed[name], now_ms=graph.now_ms())
    if "discoverable" in changed:
        if changed["discoverable"]:
            write.put(IN_DIRECTORY, account.id, DIRECTORY_ROOT, order=write.new_id(), if_absent=True)
        else:
            write.remove(IN_DIRECTORY, account.id, DIRECTORY_ROOT)
    if "indexable" in changed:
        write.emit(ConsentChanged(account=account.id))
    if changed.get("locked") is False:
        write.emit(Unlocked(account=account.id))
    await graph.commit(write)
    await graph.sync()
    return await graph.get(ACCOUNT, account.id) or account


def _hang(write: Write, *, before: Picture | None, after: Picture | None, now_ms: int) -> None:
    """Put one picture in the place of another, which is kept a while for those who have just been shown it."""
    if after is not None:
        write.check_object(after.image)
    if before is not None:
        write.emit(ImageLoose(image=before.image, until=now_ms + KEPT_MS))


def _check_profile(changes: ProfileChanges) -> dict[str, Any]:
    """What is wanted, by field."""
    wanted = {name: value for name in changes.__struct_fields__ if (value := getattr(changes, name)) is not None}
    findings = Findings()
    if changes.display_name is not None:
        wanted["display_name"] = tidy(changes.display_name).replace("\n", " ")
        check_length("display_name", wanted["display_name"], MAX_DISPLAY_NAME, findings)
    if changes.note is not None:
        wanted["note"] = tidy(changes.note)
        check_length("note", wanted["note"], MAX_NOTE, findings)
    if changes.fields is not None:
        wanted["fields"] = check_fields(changes.fields, findings)
    for name in PICTURES:
        if wanted.get(name) == NO_PICTURE:
            wanted[name] = None
    if changes.attribution_domains is not None:
        wanted["attribution_domains"] = check_domains(changes.attribution_domains, findings)
    if changes.posting_visibility not in (None, PUBLIC, UNLISTED, PRIVATE):
        findings.add("privacy", "ERR_INCLUSION")
    if changes.posting_quote_policy not in (None, *QUOTE_POLICIES):
        findings.add("quote_policy", "ERR_INCLUSION")
    if changes.posting_reply_policy not in (None, *REPLY_POLICIES):
        findings.add("reply_policy", "ERR_INCLUSION")
    if changes.posting_language == "":
        wanted["posting_language"] = None
    elif changes.posting_language is not None and not is_language(changes.posting_language):
        findings.add("language", "ERR_INCLUSION")
    findings.settle()
    return wanted
