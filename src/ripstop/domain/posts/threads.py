"""Muting threads: whoever mutes one is not told of what happens in it any more."""

from collections.abc import Collection

from ripstop.domain.posts.model import MUTES_THREAD, POST, Post
from ripstop.machinery.graph import Entry, Graph

MOST_HELD = 1_000
"""Longest list of muted threads that is held as a set; longer ones are asked about the threads at hand."""


def root_of(post: Entry[Post]) -> int:
    """The first post of the thread that a post stands in."""
    return post.value.root or post.id


async def mute_thread(graph: Graph, account: int, post: Entry[Post]) -> None:
    """Be told no more of what happens in the thread of this post. One commit."""
    write = graph.write(account)
    write.put(MUTES_THREAD, account, root_of(post), order=write.new_id(), if_absent=True)
    await graph.commit(write)


async def unmute_thread(graph: Graph, account: int, post: Entry[Post]) -> None:
    """Be told of it again. One commit."""
    write = graph.write(account)
    write.remove(MUTES_THREAD, account, root_of(post))
    await graph.commit(write)


async def muted_threads(graph: Graph, account: int, posts: Collection[Entry[Post]]) -> Collection[int]:
    """The roots of threads that the account mutes, of these posts at least. At most two engine calls."""
    held = await graph.members(account, MUTES_THREAD, most=MOST_HELD)
    if held is not None:
        return held
    roots = {root_of(post) for post in posts}
    return {row.target for row in await graph.find(account, (MUTES_THREAD,), list(roots))}


async def is_muted(graph: Graph, account: int, post: int) -> bool:
    """Whether the account mutes the thread of a post, given by its id. One engine call at most if it mutes none."""
    if await graph.members(account, MUTES_THREAD, most=MOST_HELD) == frozenset():
        return False
    found = await graph.get(POST, post)
    return found is not None and root_of(found) in await muted_threads(graph, account, (found,))
