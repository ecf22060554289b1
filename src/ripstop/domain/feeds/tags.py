"""Lists by hashtag."""

from collections.abc import Collection, Sequence

from ripstop.domain.feeds.page import Page, Stretch, Window, fill_page, orders
from ripstop.domain.posts.draft import MOST_TAGS
from ripstop.domain.posts.model import MEDIA, TAG_POSTS, Post, tag_id
from ripstop.domain.viewing import Place, sight_of
from ripstop.engines.base import Cursor, Direction
from ripstop.machinery.graph import Graph


async def tag_timeline(
    graph: Graph,
    viewer: int | None,
    tags: Collection[str],
    window: Window,
    *,
    all_of: Collection[str] = (),
    none_of: Collection[str] = (),
    only_media: bool = False,
) -> Page:
    """Public posts with any of `tags`, all of `all_of` and none of `none_of`; hashtags are in lower case.

    An engine call for each round of the page. Paging up with `min_id` takes one for each of `tags`.
    """
    sight = await sight_of(graph, viewer)
    sources = sorted({tag_id(tag) for tag in tags})
    mask = MEDIA if only_media else 0
    required, refused = frozenset(all_of), frozenset(none_of)

    def keep(post: Post) -> bool:
        return required.issubset(post.tags) and refused.isdisjoint(post.tags)

    async def skeleton(stretch: Stretch) -> list[int]:
        if len(sources) > 1 and stretch.direction is Direction.NEWEST_FIRST:
            after, before, limit, _ = stretch
            return await newest_tagged(graph, sources, after=after, before=before, limit=limit, mask=mask)
        ids: set[int] = set()
        for source in sources:
            ids.update(orders(await graph.range(source, TAG_POSTS, **stretch._asdict(), mask=mask, match=mask)))
        return sorted(ids, reverse=stretch.direction is Direction.NEWEST_FIRST)[: stretch.limit]

    filtered = keep if required or refused else None
    return await fill_page(graph, sight, Place.PUBLIC, window, skeleton, keep=filtered)


async def newest_tagged(
    graph: Graph, tags: Sequence[int], *, after: Cursor | None, before: Cursor | None, limit: int, mask: int = 0
) -> list[int]:
    """The newest posts with any of these hashtags, newest first. One engine call.

    A post stands in the list of each of its hashtags, so the merge reads as many entries as make `limit` posts even if
    all of them have all of these hashtags.
    """
    merge = await graph.merge(
        tags,
        TAG_POSTS,
        after=after,
        before=before,
        limit=limit * min(len(tags), MOST_TAGS),
        budget=len(tags),
        mask=mask,
        match=mask,
    )
    return list(dict.fromkeys(row.order for row in merge.entries))[:limit]
