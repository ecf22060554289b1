"""Who acts for the server, and on whom."""

from typing import NamedTuple

from ripstop.domain.accounts.access import access_own_account
from ripstop.domain.accounts.model import Account
from ripstop.domain.accounts.roles import NO_ROLE, OWNER, POWERS, Power, rank
from ripstop.kernel.errors import Forbidden
from ripstop.machinery.graph import Graph

NOT_ALLOWED = "This action is not allowed"


class Staff(NamedTuple):
    """Somebody who acts for the server; `account` None is the operator, who stands above all."""

    account: int | None
    role: str

    @property
    def rank(self) -> int:
        """How high it stands."""
        return rank(self.role) + (self.account is None)

    def check_over(self, account: Account) -> None:
        """Pass if it stands above somebody. Nobody does above themselves.

        :raises Forbidden: it does not.
        """
        if rank(account.role) >= self.rank:
            raise Forbidden(NOT_ALLOWED)

    def check_power(self, power: Power) -> None:
        """Pass if its role allows this.

        :raises Forbidden: it does not.
        """
        if power not in POWERS[self.role]:
            raise Forbidden(NOT_ALLOWED)


OPERATOR = Staff(None, OWNER)
"""Who acts on the command line of the machine itself."""


async def access_staff(graph: Graph, account: int, power: Power) -> Staff:
    """The account as one that may do this, by the role that it has now. No engine call while it is cached.

    :raises Unauthenticated: it is gone or suspended.
    :raises Forbidden: its role does not allow it.
    """
    entry = await access_own_account(graph, account)
    staff = Staff(entry.id, entry.value.role)
    staff.check_power(power)
    return staff


def is_staff(account: Account) -> bool:
    """Whether an account has any role."""
    return account.role != NO_ROLE
