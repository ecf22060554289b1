"""What an account writes down about others, and whom they know in common."""

import asyncio
from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS, NOTES, NoteData
from ripstop.domain.follows.queries import Relation, relation_to
from ripstop.domain.text import tidy
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Entry, Graph

MAX_NOTE = 2_000
"""Characters of a note, as Mastodon has it."""
MOST_FOLLOWERS = 1_000
"""Newest followers of an account among which those are looked for whom the viewer follows."""
MOST_FOLLOWS = 10_000


async def write_note(graph: Graph, actor: int, target: Entry[Account], text: str) -> Relation:
    """Write down something about somebody, for oneself alone; an empty text removes it. Two engine calls and a commit.

    :raises Invalid: it is too long.
    """
    text = tidy(text)
    if len(text) > MAX_NOTE:
        raise Invalid(f"Validation failed: Comment is too long (maximum is {MAX_NOTE} characters)")
    relation = await relation_to(graph, actor, target.id)
    write = graph.write(actor)
    if text:
        write.put(NOTES, actor, target.id, order=write.new_id(), data=NoteData(text))
    else:
        write.remove(NOTES, actor, target.id)
    await graph.commit(write)
    return msgspec.structs.replace(relation, note=text)


async def familiar_followers(graph: Graph, viewer: int, others: Sequence[int]) -> list[list[int]]:
    """For each of the others, who of those whom the viewer follows is among its newest followers.

    Followers of accounts that hide them are not told, nor followers who hide whom they follow. One engine call for
    each of the others, and two for all.
    """
    follows = await graph.members(viewer, FOLLOWS, most=MOST_FOLLOWS) or frozenset()
    pages = await asyncio.gather(*(graph.range(other, FOLLOWED_BY, limit=MOST_FOLLOWERS) for other in others))
    found = [[row.target for row in rows if row.target in follows] for rows in pages]
    people = await graph.get_many(ACCOUNT, {*others, *(id_ for ids in found for id_ in ids)})
    shown = {id_ for id_, entry in people.items() if not entry.value.hide_collections}
    return [
        [id_ for id_ in ids if id_ in shown] if other in shown else [] for other, ids in zip(others, found, strict=True)
    ]
