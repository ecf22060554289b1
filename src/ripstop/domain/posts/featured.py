"""Hashtags that somebody shows on their profile, with how much they posted under each.

How often somebody used a hashtag is kept nowhere: it is counted among their newest posts when somebody asks.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.posts.model import FEATURES_TAG, IS_DIRECT, IS_PRIVATE, POST, POSTED, REPOST, FollowedTag, tag_id
from ripstop.domain.posts.tags import followed_names
from ripstop.kernel.errors import Invalid
from ripstop.kernel.ids import time_ms
from ripstop.machinery.graph import Graph

MOST_FEATURED = 10
"""Hashtags that one account shows. Several at once may come out a few above it."""
MOST_HELD = 20
"""Longest list of shown hashtags that is held as a set."""
COUNTED = 400
"""Newest posts of an account among which those with a hashtag are counted."""
SUGGESTED = 10


class Featured(NamedTuple):
    """A hashtag in lower case, how many of its owner's newest posts have it, and when the last of them was posted, in
    milliseconds; None if none has."""

    tag: str
    posts: int
    last_at: int | None


async def feature_tag(graph: Graph, account: int, tag: str) -> None:
    """Show a hashtag; once is enough. One commit, and at most one engine call.

    :raises Invalid: the account shows as many as it may.
    """
    held = await graph.members(account, FEATURES_TAG, most=MOST_HELD)
    id_ = tag_id(tag)
    if held is None or (len(held) >= MOST_FEATURED and id_ not in held):
        raise Invalid("Validation failed: You have already featured the maximum number of hashtags")
    write = graph.write(account)
    write.put(FEATURES_TAG, account, id_, order=write.new_id(), data=FollowedTag(tag), if_absent=True)
    await graph.commit(write)


async def unfeature_tag(graph: Graph, account: int, tag: int) -> bool:
    """Show it no more, given by its id; whether it was shown. One commit."""
    write = graph.write(account)
    removed = write.remove(FEATURES_TAG, account, tag)
    return bool((await graph.commit(write)).changed[removed])


async def features_tag(graph: Graph, account: int, tag: str) -> bool:
    """Whether the account shows this hashtag. At most one engine call."""
    return tag_id(tag) in (await graph.members(account, FEATURES_TAG, most=MOST_HELD) or ())


async def featured_tags(graph: Graph, account: int) -> list[Featured]:
    """What an account shows, the last chosen first. One engine call, and two to count if there is any."""
    names = followed_names(await graph.range(account, FEATURES_TAG, limit=MOST_HELD))
    return await counted(graph, account, names) if names else []


async def counted(graph: Graph, account: int, tags: Sequence[str]) -> list[Featured]:
    """How much an account posted under these hashtags, for everybody to see. At most two engine calls."""
    times, last = await _used(graph, account)
    return [Featured(tag, times[tag], last.get(tag)) for tag in tags]


async def suggested_tags(graph: Graph, account: int) -> list[str]:
    """Hashtags that the account used most of late, and does not show. At most three engine calls."""
    times, _ = await _used(graph, account)
    shown = await graph.members(account, FEATURES_TAG, most=MOST_HELD) or ()
    return [tag for tag, _ in times.most_common() if tag_id(tag) not in shown][:SUGGESTED]


async def _used(graph: Graph, account: int) -> tuple[Counter[str], dict[str, int]]:
    """How often each hashtag is used, and when last. Direct and private posts do not count, nor what was passed on."""
    rows = await graph.range(account, POSTED, limit=COUNTED, mask=REPOST, match=0)
    open_ = [row.target for row in rows if not row.flags & _NARROW]
    posts = await graph.get_many(POST, open_)
    times: Counter[str] = Counter()
    last: dict[str, int] = {}
    for id_ in open_:
        post = posts.get(id_)
        for tag in () if post is None else post.value.tags:
            times[tag] += 1
            last.setdefault(tag, time_ms(id_))
    return times, last


_NARROW = IS_PRIVATE | IS_DIRECT
