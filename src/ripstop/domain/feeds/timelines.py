"""Lists that are read as they are written: the local timeline, and what one account posted."""

from collections.abc import Callable

from ripstop.domain.feeds.page import Page, Stretch, Window, fill_page, orders
from ripstop.domain.posts.model import IS_PUBLIC, LOCAL_TIMELINE, MEDIA, PINNED, POSTED, REPOST, TIMELINE, Post
from ripstop.domain.posts.pins import MOST_PINNED
from ripstop.domain.viewing import Place, Sight, hydrate, sight_of
from ripstop.machinery.graph import Association, Graph


async def local_timeline(graph: Graph, viewer: int | None, window: Window, *, only_media: bool = False) -> Page:
    """Public posts of this server, without reposts and answers to others."""
    sight = await sight_of(graph, viewer)
    mask = MEDIA if only_media else 0
    return await _read(graph, sight, Place.PUBLIC, window, LOCAL_TIMELINE, TIMELINE, mask=mask, match=mask)


async def account_posts(
    graph: Graph,
    viewer: int | None,
    account: int,
    window: Window,
    *,
    exclude_replies: bool = False,
    exclude_reposts: bool = False,
    only_media: bool = False,
    only_public: bool = False,
    tag: str | None = None,
) -> Page:
    """What one account posted and passed on, as far as the viewer may see it. Nothing if it blocks the viewer."""
    sight = await sight_of(graph, viewer)
    match = (MEDIA if only_media else 0) | (IS_PUBLIC if only_public else 0)
    mask = match | (REPOST if exclude_reposts else 0)

    def keep(post: Post) -> bool:
        to_others = post.in_reply_to is not None and post.in_reply_to_author != post.author
        return not (exclude_replies and to_others) and (tag is None or tag in post.tags)

    filtered = keep if exclude_replies or tag is not None else None
    return await _read(graph, sight, Place.ACCOUNT, window, account, POSTED, mask=mask, match=match, keep=filtered)


async def pinned_posts(graph: Graph, viewer: int | None, account: int) -> Page:
    """What an account's profile shows first, the last pinned foremost, as far as the viewer may see it."""
    sight = await sight_of(graph, viewer)
    rows = await graph.range(account, PINNED, limit=MOST_PINNED)
    return Page(await hydrate(graph, sight, [row.target for row in rows], Place.ACCOUNT), None, None)


async def _read(
    graph: Graph,
    sight: Sight,
    place: Place,
    window: Window,
    source: int,
    association: Association,
    *,
    mask: int,
    match: int,
    keep: Callable[[Post], bool] | None = None,
) -> Page:
    async def skeleton(stretch: Stretch) -> list[int]:
        rows = await graph.range(
            source,
            association,
            after=stretch.after,
            before=stretch.before,
            limit=stretch.limit,
            direction=stretch.direction,
            mask=mask,
            match=match,
        )
        return orders(rows)

    return await fill_page(graph, sight, place, window, skeleton, keep=keep)
