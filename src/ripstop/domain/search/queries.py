"""What a viewer finds. All of it goes through the rules of viewing, whatever an index says."""

import re
from collections.abc import Sequence

from ripstop.domain.accounts.model import ACCOUNT, PUBLIC, account_name
from ripstop.domain.posts.model import IS_PUBLIC, POST, POSTED, REPOST
from ripstop.domain.search.model import HASHTAGS, POSTS, author_filter
from ripstop.domain.text import tag_name
from ripstop.domain.viewing import Place, Seen, hydrate, sight_of
from ripstop.domain.viewing.hydrate import limited_among
from ripstop.engines.base import Engine
from ripstop.kernel.ids import MAX_ID
from ripstop.machinery.graph import Graph

MOST_NAMES = 1_000
"""Names that are looked at to find those of accounts that the viewer follows."""
MOST_HITS = 400
"""Posts that are looked at to fill a page."""
NEWEST = 10
"""Public posts of a viewer whose hashtags are looked at, in case that their names are not kept yet."""
BUDGET = 0.2
"""Seconds that the text index may take."""

_HANDLE = re.compile(r"@?([a-z0-9_]{1,30})(?:@([a-z0-9.:-]{1,253}))?", re.IGNORECASE | re.ASCII)
_FROM = re.compile(r"(?:^|\s)from:(\S+)", re.IGNORECASE)


async def find_accounts(
    graph: Graph,
    viewer: int | None,
    query: str,
    *,
    local_domain: str,
    following: bool = False,
    limit: int,
    offset: int = 0,
) -> list[int]:
    """Ids of accounts whose user name begins like this, by name, the exact one first; or the one with this handle.

    Nobody who blocks the viewer; and only by the whole name whom the viewer blocks, since clients unblock whom they
    find so, and whom moderators have limited, unless the viewer follows them. Two engine calls beside the viewer's
    relations.
    """
    handle = _HANDLE.fullmatch(query.strip())
    if handle is None:
        return []
    name, domain = handle[1].lower(), (handle[2] or "").lower()
    if domain:
        whole = account_name(name, "" if domain == local_domain.lower() else domain)
        named = await graph.names((whole,))
    else:
        most = MOST_NAMES if following else offset + limit + limit
        whole = account_name(name)
        space, _, prefix = whole.partition("/")
        named = {row.name: row.holder for row in await graph.names_from(space, prefix, limit=most)}
    found = list(named.values())
    sight = await sight_of(graph, viewer)
    if sight.is_partial:
        sight = await sight.knowing(graph, found)
    accounts = await graph.get_many(ACCOUNT, found)
    limited = limited_among(accounts, sight)
    waiting = {id_ for id_, entry in accounts.items() if entry.value.pending}
    hidden = (sight.blocks.union(limited) - {named.get(whole, 0)}) | sight.blocked_by | waiting
    shown = [id_ for id_ in found if id_ not in hidden and (not following or id_ in sight.follows)]
    return shown[offset : offset + limit]


async def find_hashtags(graph: Graph, viewer: int | None, query: str, *, limit: int, offset: int = 0) -> list[str]:
    """Hashtags of public posts that begin like this, by name. One engine call, for a viewer at most three.

    Names are kept a moment after a post is published; the viewer's own hashtags are found at once.
    """
    tag = tag_name(query)
    if tag is None:
        return []
    rows = await graph.names_from(HASHTAGS, tag, limit=offset + limit)
    found = {row.name.partition("/")[2] for row in rows}
    if viewer is not None:
        found.update(own for own in await _just_used(graph, viewer) if own.startswith(tag))
    return sorted(found, key=str.encode)[offset : offset + limit]


async def _just_used(graph: Graph, account: int) -> set[str]:
    """The hashtags of an account's newest public posts."""
    rows = await graph.range(account, POSTED, limit=NEWEST, mask=IS_PUBLIC | REPOST, match=IS_PUBLIC)
    posts = await graph.get_many(POST, [row.target for row in rows])
    return {tag for post in posts.values() for tag in post.value.tags}


async def find_posts(
    graph: Graph,
    engine: Engine,
    viewer: int,
    query: str,
    *,
    local_domain: str,
    author: int | None = None,
    after: int = 0,
    before: int = MAX_ID,
    limit: int,
    offset: int = 0,
) -> list[Seen]:
    """Public posts with all words of the query, newest first, by authors who agreed to that.

    ``from:alice`` and ``from:me`` ask for one author. At most six engine calls beside the viewer's relations.

    :param after: with `before`: only posts whose ids lie between, both exclusive, among the newest `MOST_HITS`.

    :raises ripstop.kernel.errors.Overloaded: the index took longer than its budget.
    """
    for handle in _FROM.findall(query):
        author = viewer if handle.lower() == "me" else await _author(graph, handle, local_domain)
    words = _FROM.sub(" ", query).strip()
    if not words and author is None:
        return []
    filters = () if author is None else (author_filter(author),)
    most = min(2 * (offset + limit), MOST_HITS)
    looked_at = most if (after, before) == (0, MAX_ID) else MOST_HITS
    hits = await engine.text_query(POSTS, words, filters=filters, limit=looked_at, budget=BUDGET)
    found = [hit.id for hit in hits if after < hit.id < before][:most]
    seen = await hydrate(graph, await sight_of(graph, viewer), found, Place.PUBLIC)
    return (await _agreed(graph, seen))[offset : offset + limit]


async def _author(graph: Graph, handle: str, local_domain: str) -> int:
    """The account with this handle; 0, which nobody is, if there is none."""
    parts = _HANDLE.fullmatch(handle)
    if parts is None:
        return 0
    domain = (parts[2] or "").lower()
    name = account_name(parts[1], "" if domain == local_domain.lower() else domain)
    return (await graph.names((name,))).get(name, 0)


async def _agreed(graph: Graph, seen: Sequence[Seen]) -> list[Seen]:
    """Those that are public, by authors who agree now: the index may be behind."""
    authors = await graph.get_many(ACCOUNT, {item.post.value.author for item in seen})
    return [
        item
        for item in seen
        if item.post.value.visibility == PUBLIC
        and (author := authors.get(item.post.value.author)) is not None
        and author.value.indexable
    ]
