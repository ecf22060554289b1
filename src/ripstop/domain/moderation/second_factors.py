"""Letting somebody in again who has lost their second factors."""

from ripstop.domain.accounts.model import Account
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import check_reason, record
from ripstop.domain.moderation.authority import Staff
from ripstop.domain.moderation.people import subject_of
from ripstop.domain.security import factors
from ripstop.machinery.graph import Entry, Graph, Write


async def remove_second_factors(graph: Graph, staff: Staff, account: Entry[Account], *, reason: str = "") -> bool:
    """Let the password alone be enough, and record it. Says whether it was not. One commit, mostly.

    :raises Forbidden: the staff may not do this, or not to this account.
    :raises Invalid: the reason is too long.
    :raises Conflict: the account is being changed all the time.
    """
    staff.check_power(Power.MANAGE_USER_ACCESS)
    staff.check_over(account.value)
    reason = check_reason(reason)

    def also(write: Write) -> None:
        record(write, staff, "remove_second_factors", subject_of(account), at=graph.now_ms(), reason=reason)

    return await factors.remove_second_factors(graph, account, also)
