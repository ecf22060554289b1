"""What stands around a post in its thread."""

import asyncio
from typing import NamedTuple

from ripstop.domain.posts.model import THREAD
from ripstop.domain.viewing import Place, Seen, access_post, hydrate, sight_of
from ripstop.machinery.graph import Graph

MOST = 4_096
"""Posts of a thread that are looked at, and most that a signed-in viewer is shown."""
AT_ONCE = 256
"""Posts that are looked at before other requests have their turn: some 2 ms."""
ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH = 40, 60, 20
"""What a viewer without a token is shown, as Mastodon has it."""


class Context(NamedTuple):
    """From the thread's first post down to the one asked about, and its answers, each followed by its own answers."""

    ancestors: list[Seen]
    descendants: list[Seen]


async def thread_context(graph: Graph, viewer: int | None, id_: int) -> Context:
    """The thread around a post.

    The whole thread is one list, so a deep one costs no more engine calls than a flat one: those of `hydrate` for each
    :data:`AT_ONCE` posts.

    :raises NotFound: the post is not there, or not for this viewer.
    """
    post = (await access_post(graph, viewer, id_)).post
    root = post.value.root or id_
    members = await graph.members(root, THREAD, most=MOST)
    if members is None:
        members = frozenset(row.target for row in await graph.range(root, THREAD, limit=MOST))
    sight = await sight_of(graph, viewer)
    ids = sorted({root, *members} - {id_})
    seen: dict[int, Seen] = {}
    for start in range(0, len(ids), AT_ONCE):
        if start:
            await asyncio.sleep(0)
        found = await hydrate(graph, sight, ids[start : start + AT_ONCE], Place.THREAD)
        seen.update([(item.post.id, item) for item in found])
    most = MOST if viewer is not None else ANONYMOUS_ANCESTORS
    ancestors = _ancestors(seen, post.value.in_reply_to, most)
    if viewer is not None:
        return Context(ancestors, _descendants(seen, id_, most=MOST, depth=MOST))
    return Context(ancestors, _descendants(seen, id_, most=ANONYMOUS_DESCENDANTS, depth=ANONYMOUS_DEPTH))


def _ancestors(seen: dict[int, Seen], parent: int | None, most: int) -> list[Seen]:
    ancestors: list[Seen] = []
    while parent is not None and len(ancestors) < most and (item := seen.get(parent)) is not None:
        ancestors.append(item)
        parent = item.post.value.in_reply_to
    ancestors.reverse()
    return ancestors


def _descendants(seen: dict[int, Seen], id_: int, *, most: int, depth: int) -> list[Seen]:
    answers: dict[int, list[Seen]] = {}
    for item in seen.values():
        if (parent := item.post.value.in_reply_to) is not None:
            answers.setdefault(parent, []).append(item)
    descendants: list[Seen] = []
    stack = [(item, 1) for item in reversed(answers.get(id_, ()))]
    while stack and len(descendants) < most:
        item, level = stack.pop()
        descendants.append(item)
        if level < depth:
            stack.extend((answer, level + 1) for answer in reversed(answers.get(item.post.id, ())))
    return descendants
