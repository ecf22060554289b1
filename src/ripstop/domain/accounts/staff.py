"""Who of the accounts acts for the server, for those who have to tell them something."""

from ripstop.domain.accounts.model import ACCOUNT, STAFF, STAFF_ROOT
from ripstop.domain.accounts.roles import POWERS, Power
from ripstop.machinery.graph import Graph

MOST_STAFF = 1_000
"""People with roles that are held as a set, and listed."""


async def has_staff(graph: Graph) -> bool:
    """Whether anybody has a role. From the cache, or with one engine call."""
    return bool(await graph.members(STAFF_ROOT, STAFF, most=MOST_STAFF))


async def staff_with(graph: Graph, power: Power) -> list[int]:
    """The accounts whose role allows this and that can act, by id. From the cache, or with two engine calls."""
    ids = await graph.members(STAFF_ROOT, STAFF, most=MOST_STAFF) or frozenset()
    accounts = await graph.get_many(ACCOUNT, ids)
    return sorted(
        id_ for id_, entry in accounts.items() if power in POWERS[entry.value.role] and not entry.value.is_shut_out
    )
