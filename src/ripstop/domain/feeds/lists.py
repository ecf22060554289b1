"""The timeline of a list."""

from ripstop.domain.feeds.merging import merged
from ripstop.domain.feeds.page import Page, Stretch, Window, fill_page
from ripstop.domain.follows.lists import members_of
from ripstop.domain.follows.model import REPLIES_LIST, REPLIES_NONE, List
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing import Place, sight_of
from ripstop.machinery.graph import Entry, Graph


async def list_timeline(graph: Graph, entry: Entry[List], window: Window) -> Page:
    """What the members of a list posted and passed on, for its owner, by the rules of home and its own for answers."""
    owner, policy = entry.value.owner, entry.value.replies_policy
    sight = await sight_of(graph, owner)
    members = await members_of(graph, entry.id)
    authors = members & (sight.follows | {owner})

    def keep(post: Post) -> bool:
        answered = post.in_reply_to_author
        if post.in_reply_to is None or answered in (post.author, owner):
            return True
        return policy != REPLIES_NONE and (policy != REPLIES_LIST or answered in members)

    async def skeleton(stretch: Stretch) -> list[int]:
        return await merged(graph, authors, stretch) if authors else []

    return await fill_page(graph, sight, Place.HOME, window, skeleton, distinct=True, keep=keep)
