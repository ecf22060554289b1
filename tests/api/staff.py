"""People with a role."""

from __future__ import annotations

from ripstop.boot import opened_graph
from ripstop.domain.accounts.access import access_account
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.people import give_role
from tests.api.client import Api, Person
from tests.server import Server, patiently

SCOPES = "read write follow profile push admin:read admin:write"
"""All that a token can hold."""


async def give(server: Server, person: Person, role: str) -> None:
    """Give somebody a role, in a process of its own, as the command line does."""

    async def act() -> None:
        async with opened_graph(server.configuration) as graph:
            await give_role(graph, OPERATOR, await access_account(graph, int(person.id)), role)

    await patiently(act)


async def of_staff(server: Server, api: Api, name: str, role: str) -> Person:
    """Somebody with a role, whose token allows everything. They are told of nothing that was before."""
    person = await api.person(name, scopes=SCOPES)
    await api.staff_told()
    await give(server, person, role)
    return person
