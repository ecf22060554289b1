"""What is done about accounts. Each action is recorded in the batch that does it, and not if it changes nothing."""

from typing import Protocol

from ripstop.domain.accounts import leaving
from ripstop.domain.accounts.actions import PASSWORD_SEAL, SignUp, make_account
from ripstop.domain.accounts.check import Findings, check_password
from ripstop.domain.accounts.events import PasswordReset, ShutOut
from ripstop.domain.accounts.leaving import Also, change_account
from ripstop.domain.accounts.model import (
    ACCOUNT,
    CREDENTIALS,
    SERVES,
    STAFF,
    STAFF_ROOT,
    WAITING_ROOT,
    WAITS,
    Account,
    account_name,
)
from ripstop.domain.accounts.roles import NO_ROLE, ROLES, Power, rank
from ripstop.domain.accounts.security_log import PASSWORD_RESET, do_note
from ripstop.domain.accounts.staff import MOST_STAFF
from ripstop.domain.moderation.audit import Subject, check_reason, record
from ripstop.domain.moderation.authority import NOT_ALLOWED, Staff
from ripstop.kernel.errors import Forbidden, Invalid, NotFound
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Entry, Graph, Write


class Act(Protocol):
    """Something that is done about an account."""

    async def __call__(self, graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None: ...


def subject_of(account: Entry[Account]) -> Subject:
    """An account, as the log names it."""
    return Subject(account=account.id, name=account.value.acct)


def _recorded(graph: Graph, staff: Staff, action: str, reason: str) -> Also:
    """Records an action, unless the account stands too high by now."""

    def also(now: Entry[Account], write: Write) -> None:
        staff.check_over(now.value)
        record(write, staff, action, subject_of(now), at=graph.now_ms(), reason=reason)

    return also


def _check(staff: Staff, account: Entry[Account], power: Power, reason: str) -> str:
    """The reason, of somebody who may do this.

    :raises Forbidden: the staff may not do this, or not to this account.
    :raises Invalid: the reason is too long.
    """
    staff.check_power(power)
    staff.check_over(account.value)
    return check_reason(reason)


async def suspend(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """See `ripstop.domain.accounts.leaving.suspend`.

    :raises Forbidden: the staff may not do this, or not to this account.
    """
    reason = _check(staff, account, Power.MANAGE_USERS, reason)
    await leaving.suspend(graph, account, _recorded(graph, staff, "suspend", reason))


async def unsuspend(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """See `ripstop.domain.accounts.leaving.unsuspend`.

    :raises Forbidden: the staff may not do this, or not to this account.
    """
    reason = _check(staff, account, Power.MANAGE_USERS, reason)
    await leaving.unsuspend(graph, account, _recorded(graph, staff, "unsuspend", reason))


async def limit(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Leave an account out of what is for everybody, but for those who follow it. See `_switch`."""
    await _switch(graph, staff, account, "limit", "limited_at", reason, on=True)


async def unlimit(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Have everybody meet an account again. See `_switch`."""
    await _switch(graph, staff, account, "unlimit", "limited_at", reason, on=False)


async def sensitize(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Have all that an account posts from now on be sensitive. See `_switch`."""
    await _switch(graph, staff, account, "sensitize", "sensitized_at", reason, on=True)


async def unsensitize(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Let an account say itself again what is sensitive. See `_switch`."""
    await _switch(graph, staff, account, "unsensitize", "sensitized_at", reason, on=False)


async def disable(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Shut the owner of an account out, and show the account as before. See `_switch`; and a commit for each
    `AT_ONCE` tokens and sessions."""
    await _switch(graph, staff, account, "disable", "disabled_at", reason, on=True)
    await leaving.shut_out(graph, account.id)


async def enable(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Let the owner of an account log in again. See `_switch`."""
    await _switch(graph, staff, account, "enable", "disabled_at", reason, on=False)


async def _switch(
    graph: Graph, staff: Staff, account: Entry[Account], action: str, field: str, reason: str, *, on: bool
) -> None:
    """Set one field of an account to the present instant, or clear it. One commit, mostly, and none if it is so.

    :raises Forbidden: the staff may not do this, or not to this account.
    :raises Invalid: the reason is too long.
    :raises Conflict: the account is being changed all the time.
    """
    reason = _check(staff, account, Power.MANAGE_USERS, reason)

    async def switching(now: Entry[Account]) -> Write | None:
        staff.check_over(now.value)
        if (getattr(now.value, field) is not None) == on:
            return None
        if field == "disabled_at" and not on:
            await leaving.shut_out(graph, now.id)  # a log-in that was under way then may have come after it
        at = graph.now_ms()
        write = graph.write(now.id)
        write.patch(ACCOUNT, now.id, version=now.version, **{field: at if on else None})
        if field == "disabled_at" and on:
            write.emit(ShutOut(account=now.id))
        record(write, staff, action, subject_of(now), at=at, reason=reason)
        return write

    await change_account(graph, account, switching)


async def delete(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """See `ripstop.domain.accounts.leaving.delete_account`.

    :raises Forbidden: the staff may not do this, or not to this account.
    """
    reason = _check(staff, account, Power.DELETE_USER_DATA, reason)
    await leaving.delete_account(graph, account, _recorded(graph, staff, "delete", reason))


def _check_role(staff: Staff, role: str) -> None:
    """:raises Invalid: there is no such role.
    :raises Forbidden: the staff stands no higher than it.
    """
    if role not in ROLES:
        raise Invalid(f"Validation failed: A role is one of {', '.join(ROLES[1:])}, or none")
    if rank(role) >= staff.rank:
        raise Forbidden(NOT_ALLOWED)


async def give_role(graph: Graph, staff: Staff, account: Entry[Account], role: str) -> None:
    """Give an account a role, or none. One commit, mostly, and none if it has that role already.

    :raises Invalid: there is no such role.
    :raises Forbidden: the staff stands no higher than the account, or than the role.
    """
    _check(staff, account, Power.MANAGE_ROLES, "")
    _check_role(staff, role)

    async def giving(now: Entry[Account]) -> Write | None:
        staff.check_over(now.value)
        if now.value.role == role:
            return None
        write = graph.write(now.id)
        write.patch(ACCOUNT, now.id, version=now.version, role=role or None)
        if role == NO_ROLE:
            write.remove(SERVES, now.id, STAFF_ROOT)
        else:
            write.put(SERVES, now.id, STAFF_ROOT, order=write.new_id(), if_absent=True)
        detail = f"{now.value.role or 'none'} to {role or 'none'}"
        record(write, staff, "role", subject_of(now), at=graph.now_ms(), detail=detail)
        return write

    await change_account(graph, account, giving)


async def approve(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Let somebody in who waits for that. One commit, mostly.

    :raises Forbidden: the staff may not do this, or the account does not wait.
    """
    reason = _check(staff, account, Power.MANAGE_USERS, reason)

    async def approval(now: Entry[Account]) -> Write:
        _check_pending(now)
        write = graph.write(now.id)
        write.patch(ACCOUNT, now.id, version=now.version, pending=None)
        write.remove(WAITS, now.id, WAITING_ROOT)
        record(write, staff, "approve", subject_of(now), at=graph.now_ms(), reason=reason)
        return write

    await change_account(graph, account, approval)


async def reject(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> None:
    """Delete an account that waits to be let in; its names are free at once. A commit, and one for its token.

    :raises Forbidden: the staff may not do this, or the account does not wait.
    """
    reason = _check(staff, account, Power.MANAGE_USERS, reason)

    async def rejection(now: Entry[Account]) -> Write:
        _check_pending(now)
        write = await leaving.deletion_write(graph, now)
        write.release(account_name(now.value.username), now.id)
        write.remove(WAITS, now.id, WAITING_ROOT)
        record(write, staff, "reject", subject_of(now), at=graph.now_ms(), reason=reason)
        return write

    await change_account(graph, account, rejection)
    await leaving.shut_out(graph, account.id)


def _check_pending(account: Entry[Account]) -> None:
    """:raises Forbidden: the account does not wait to be let in."""
    if not account.value.pending:
        raise Forbidden(NOT_ALLOWED)


async def create(graph: Graph, staff: Staff, form: SignUp, *, role: str = NO_ROLE, seal: Secrets) -> int:
    """Make an account for somebody, whoever else is let in; its id. One commit.

    :raises Invalid: with what is wrong, field by field; or there is no such role.
    :raises Forbidden: the staff may not do this, or stands no higher than the role.
    """
    staff.check_power(Power.MANAGE_ROLES)
    _check_role(staff, role)

    def also(write: Write, account: int) -> None:
        subject = Subject(account=account, name=form.username)
        record(write, staff, "create", subject, at=graph.now_ms(), detail=role)

    return await make_account(graph, form, role=role, seal=seal, also=also)


async def reset_password(graph: Graph, staff: Staff, account: Entry[Account], password: str, *, seal: Secrets) -> None:
    """Set another password, and shut everybody out who is in: all sessions and tokens end. A commit, and one for each
    `AT_ONCE` of these.

    :raises Invalid: this cannot be a password.
    :raises Forbidden: the staff may not do this, or not to this account.
    :raises NotFound: the account has no password.
    """
    _check(staff, account, Power.MANAGE_USER_ACCESS, "")
    findings = Findings()
    check_password(password, findings)
    findings.settle()
    id_ = account.value.credentials

    async def reset(now: Entry[Account]) -> Write:
        staff.check_over(now.value)
        if id_ is None:
            raise NotFound("This account has no password")
        sealed = seal.seal(password.encode(), PASSWORD_SEAL, bound_to=str(id_))
        write = graph.write(now.id)
        write.check_object(now.id, now.version)
        write.patch(CREDENTIALS, id_, password_sealed=sealed, password_hash=None)
        await do_note(graph, write, now.id, PASSWORD_RESET)
        write.emit(PasswordReset(account=now.id, credentials=id_))
        record(write, staff, "reset_password", subject_of(now), at=graph.now_ms())
        return write

    await change_account(graph, account, reset)
    await leaving.shut_out(graph, account.id)


async def staff_of(graph: Graph) -> list[Entry[Account]]:
    """Everybody with a role, who got it last first. At most two engine calls."""
    rows = await graph.range(STAFF_ROOT, STAFF, limit=MOST_STAFF)
    found = await graph.get_many(ACCOUNT, [row.target for row in rows])
    return [found[row.target] for row in rows if row.target in found]
