"""People whom somebody recommends on their profile. Whoever is recommended is followed, and ends to be so with that."""

import msgspec

from ripstop.domain.accounts.model import Account
from ripstop.domain.follows.model import ENDORSES, FOLLOWS
from ripstop.domain.follows.queries import Relation, relation_to
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Entry, Graph, Refused

MOST_ENDORSED = 100
"""Accounts that one account recommends. Several at once may come out a few above it."""


async def endorse(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """Recommend somebody; once is enough. Three engine calls and a commit.

    :raises Invalid: the actor does not follow them, or recommends as many as it may.
    """
    relation = await relation_to(graph, actor, target.id)
    if relation.endorses:
        return relation
    if len(await graph.range(actor, ENDORSES, limit=MOST_ENDORSED)) >= MOST_ENDORSED:
        raise Invalid(f"Validation failed: You cannot endorse more than {MOST_ENDORSED} people")
    write = graph.write(actor)
    write.check_association(FOLLOWS, actor, target.id)
    write.put(ENDORSES, actor, target.id, order=write.new_id(), if_absent=True)
    try:
        await graph.commit(write)
    except Refused as refused:
        sentence = "Validation failed: You must be already following the person you want to endorse"
        raise Invalid(sentence) from refused
    return msgspec.structs.replace(relation, endorses=True)


async def unendorse(graph: Graph, actor: int, target: Entry[Account]) -> Relation:
    """Recommend somebody no more. Two engine calls and a commit."""
    relation = await relation_to(graph, actor, target.id)
    if relation.endorses:
        write = graph.write(actor)
        write.remove(ENDORSES, actor, target.id)
        await graph.commit(write)
    return msgspec.structs.replace(relation, endorses=False)
