"""What a viewer is shown of a post that another one quotes: it, or why not."""

from collections.abc import Collection
from typing import NamedTuple

from ripstop.domain.posts.model import POST, Post, Quotation
from ripstop.domain.viewing.hydrate import absent_accounts
from ripstop.domain.viewing.sight import Place, Sight, sight_of
from ripstop.machinery.graph import Entry, Graph

ACCEPTED, REVOKED, DELETED, UNAUTHORIZED, BLOCKED_ACCOUNT, MUTED_ACCOUNT = (
    "accepted",
    "revoked",
    "deleted",
    "unauthorized",
    "blocked_account",
    "muted_account",
)
"""States of a quote: shown; taken back by the quoted author; the post is gone; it is not for the viewer; the viewer
blocks, or mutes, its author."""


class Quoted(NamedTuple):
    """What a post quotes, for one viewer. There is a `post` only where the state is ACCEPTED."""

    state: str
    post: Entry[Post] | None = None


async def quoted_in(graph: Graph, viewer: int | None, posts: Collection[Entry[Post]]) -> dict[int, Quoted]:
    """What those of the posts that quote something quote, by their ids.

    Nothing is asked if none does. Otherwise at most two engine calls, those of `sight_of`, and one for relations that
    are too many to be held.
    """
    quotations = {post.id: post.value.quote for post in posts if post.value.quote is not None}
    if not quotations:
        return {}
    sight = await sight_of(graph, viewer)
    found = await graph.get_many(POST, {quote.post for quote in quotations.values() if not quote.revoked})
    authors = {entry.value.author for entry in found.values()}
    absent = await absent_accounts(graph, authors)
    if sight.is_partial:
        sight = await sight.knowing(graph, authors)
    return {id_: _quoted(sight, quote, found.get(quote.post), absent) for id_, quote in quotations.items()}


def _quoted(sight: Sight, quote: Quotation, post: Entry[Post] | None, absent: Collection[int]) -> Quoted:
    if quote.revoked:
        return Quoted(REVOKED)
    if post is None:
        return Quoted(DELETED)
    author = post.value.author
    if author in absent or not sight.shows(post.value, Place.SINGLE):
        return Quoted(UNAUTHORIZED)
    if author in sight.blocks:
        return Quoted(BLOCKED_ACCOUNT)
    if author in sight.mutes:
        return Quoted(MUTED_ACCOUNT)
    return Quoted(ACCEPTED, post)


async def quotes_alike(graph: Graph, viewer: int, post: Entry[Post]) -> bool:
    """Whether a viewer is shown of what a post quotes, and of what that quotes, just what everybody is shown."""
    posts = [post]
    for _ in range(2):
        quoted = await quoted_in(graph, None, posts)
        seen = await quoted_in(graph, viewer, posts)
        if any(seen[id_].state != each.state for id_, each in quoted.items()):
            return False
        posts = [each.post for each in quoted.values() if each.post is not None]
    return True
