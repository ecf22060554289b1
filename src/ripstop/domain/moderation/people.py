"""What is done about accounts. Each action is recorded in the batch that does it, and not if it changes nothing."""

from ripstop.domain.accounts import leaving
from ripstop.domain.accounts.events import ShutOut
from ripstop.domain.accounts.leaving import Also, change_account
from ripstop.domain.accounts.model import ACCOUNT, SERVES, STAFF, STAFF_ROOT, Account
from ripstop.domain.accounts.roles import NO_ROLE, ROLES, Power, rank
from ripstop.domain.moderation.audit import Subject, check_reason, record
from ripstop.domain.moderation.authority import NOT_ALLOWED, Staff
from ripstop.kernel.errors import Forbidden, Invalid
from ripstop.machinery.graph import Entry, Graph, Write

MOST_STAFF = 1_000
"""People with roles that are listed."""


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


async def give_role(graph: Graph, staff: Staff, account: Entry[Account], role: str) -> None:
    """Give an account a role, or none. One commit, mostly, and none if it has that role already.

    :raises Invalid: there is no such role.
    :raises Forbidden: the staff stands no higher than the account, or than the role.
    """
    if role not in ROLES:
        raise Invalid(f"Validation failed: A role is one of {', '.join(ROLES[1:])}, or none")
    _check(staff, account, Power.MANAGE_ROLES, "")
    if rank(role) >= staff.rank:
        raise Forbidden(NOT_ALLOWED)

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


async def staff_of(graph: Graph) -> list[Entry[Account]]:
    """Everybody with a role, who got it last first. At most two engine calls."""
    rows = await graph.range(STAFF_ROOT, STAFF, limit=MOST_STAFF)
    found = await graph.get_many(ACCOUNT, [row.target for row in rows])
    return [found[row.target] for row in rows if row.target in found]
