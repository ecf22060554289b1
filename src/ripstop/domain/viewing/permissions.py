"""What a viewer may do with posts that it sees."""

from collections.abc import Collection
from typing import NamedTuple

from ripstop.domain.accounts.model import FOLLOWING
from ripstop.domain.follows.queries import followers_among
from ripstop.domain.posts.audience import may_quote, may_reply
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing.sight import sight_of
from ripstop.machinery.graph import Entry, Graph


class Permissions(NamedTuple):
    """Whether the viewer may quote a post, and answer in the thread that it begins; None for an answer."""

    quote: bool
    reply: bool | None


async def permissions_on(graph: Graph, viewer: int, posts: Collection[Entry[Post]]) -> dict[int, Permissions]:
    """What the viewer may do with each of these posts, by their ids.

    No engine call beside those of `sight_of`, unless somebody else lets only those answer whom it follows: then those
    of `followers_among`.
    """
    follows = (await sight_of(graph, viewer)).follows
    asked = {post.value.author for post in posts if _asks_whom_it_follows(post.value, viewer)}
    followed_by: Collection[int] = await followers_among(graph, viewer, list(asked)) if asked else ()
    found = {}
    for post in posts:
        value = post.value
        reply = None
        if value.root is None:
            reply = may_reply(value, viewer, follows=value.author in follows, followed=value.author in followed_by)
        found[post.id] = Permissions(may_quote(value, viewer, follows=value.author in follows), reply)
    return found


def _asks_whom_it_follows(post: Post, viewer: int) -> bool:
    return post.reply_policy == FOLLOWING and post.root is None and post.author != viewer
