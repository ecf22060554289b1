"""Following hashtags. A hashtag is a name in lower case, as `ripstop.domain.text.tag_name` gives it, and no object."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.posts.model import FOLLOWS_TAG, FollowedTag, tag_id
from ripstop.engines.base import Association
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Graph

MOST_FOLLOWED = 500
"""Hashtags that one account follows; home merges over them. Several follows at once may come out a few above it."""
MOST_HELD = 1_000
"""Longest list of followed hashtags that is held as a set."""

_decode = msgspec.json.Decoder(FollowedTag).decode


async def follow_tag(graph: Graph, account: int, tag: str) -> None:
    """Follow a hashtag; once is enough. One commit, and at most one engine call.

    :raises Invalid: the account follows as many as it may.
    """
    followed = await graph.members(account, FOLLOWS_TAG, most=MOST_HELD)
    id_ = tag_id(tag)
    if followed is None or (len(followed) >= MOST_FOLLOWED and id_ not in followed):
        raise Invalid(f"Validation failed: You cannot follow more than {MOST_FOLLOWED} hashtags")
    write = graph.write(account)
    write.put(FOLLOWS_TAG, account, id_, order=write.new_id(), data=FollowedTag(tag), if_absent=True)
    await graph.commit(write)


async def unfollow_tag(graph: Graph, account: int, tag: str) -> None:
    """Follow it no more. One commit."""
    write = graph.write(account)
    write.remove(FOLLOWS_TAG, account, tag_id(tag))
    await graph.commit(write)


async def follows_tag(graph: Graph, account: int, tag: str) -> bool:
    """Whether the account follows this hashtag. At most one engine call."""
    followed = await graph.members(account, FOLLOWS_TAG, most=MOST_HELD)
    if followed is None:
        return bool(await graph.find(account, (FOLLOWS_TAG,), (tag_id(tag),)))
    return tag_id(tag) in followed


def followed_names(rows: Sequence[Association]) -> list[str]:
    """The names of the hashtags in rows of FOLLOWS_TAG."""
    return [_decode(row.data or "").name for row in rows]
