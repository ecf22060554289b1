"""From ids to posts that the viewer may see."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ripstop.domain.accounts.model import ACCOUNT, DIRECT, Account
from ripstop.domain.posts.model import POST, Post
from ripstop.domain.viewing import model
from ripstop.domain.viewing.filters import filters_of
from ripstop.domain.viewing.sight import Place, Sight, sight_of
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph

CONTEXTS = {
    Place.HOME: model.HOME,
    Place.PUBLIC: model.PUBLIC,
    Place.ACCOUNT: model.ACCOUNT,
    Place.THREAD: model.THREAD,
}
"""Which filters apply in a place. Whoever names a post is shown it; notifications ask for themselves."""


class Seen(NamedTuple):
    """A post as it stands in a list, and the post that it passes on where it is a repost."""

    post: Entry[Post]
    original: Entry[Post] | None

    @property
    def meant(self) -> Entry[Post]:
        """The post that is read: what it passes on, where it is a repost."""
        return self.original or self.post


async def hydrate(graph: Graph, sight: Sight, ids: Sequence[int], place: Place) -> list[Seen]:
    """Those posts that are there and that the viewer may see in this place, in the order of `ids`.

    Nobody is shown posts of accounts that are suspended or gone, wherever they still stand, and of those that
    moderators have limited only who follows them where others are met. What the viewer's own filters hide there is left
    out as well. At most four engine calls: posts, what they pass on, authors, and relations
    that are too many to be held; and those of `filters_of`.
    """
    posts = await graph.get_many(POST, ids)
    values = [entry.value for entry in posts.values()]
    reposted = [value.repost_of for value in values if value.repost_of is not None]
    originals = await graph.get_many(POST, reposted) if reposted else {}
    authors = {value.author for value in values}
    if originals:
        authors.update([entry.value.author for entry in originals.values()])
    accounts = await graph.get_many(ACCOUNT, authors)
    absent = _absent(accounts, authors)
    limited = limited_among(accounts, sight) if _meets_others(sight, place) else ()
    if sight.is_partial:
        sight = await sight.knowing(graph, authors)
    context = CONTEXTS.get(place)
    filters = None if context is None else await filters_of(graph, sight.viewer) or None
    now_ms = 0 if filters is None else graph.now_ms()
    original_place = Place.SINGLE if place is Place.SINGLE else Place.PUBLIC
    seen = []
    for id_ in ids:
        post = posts.get(id_)
        if post is None:
            continue
        value = post.value
        author = value.author
        if author in absent or not sight.shows(value, place) or (author in limited and value.visibility != DIRECT):
            continue
        original = None
        if value.repost_of is not None:
            original = originals.get(value.repost_of)
            if original is None or original.value.author in absent or not sight.shows(original.value, original_place):
                continue
            if place is Place.HOME and value.author != sight.viewer and sight.names_blocked(original.value):
                continue
        if filters is not None and context is not None and filters.hides(original or post, context, now_ms):
            continue
        seen.append(Seen(post, original))
    return seen


async def absent_accounts(graph: Graph, ids: Collection[int]) -> Collection[int]:
    """Those of the accounts that are suspended or gone. At most one engine call."""
    return _absent(await graph.get_many(ACCOUNT, ids), ids)


def _absent(found: Mapping[int, Entry[Account]], ids: Collection[int]) -> Collection[int]:
    return [id_ for id_ in ids if (entry := found.get(id_)) is None or entry.value.suspended_at is not None]


def _meets_others(sight: Sight, place: Place) -> bool:
    """Whether somebody may stand in that place whom the viewer does not follow, and did not look for: at home only
    for a hashtag."""
    return place is Place.PUBLIC or place is Place.THREAD or (place is Place.HOME and bool(sight.tags))


def limited_among(accounts: Mapping[int, Entry[Account]], sight: Sight) -> Collection[int]:
    """Those of the accounts that moderators have limited, and that the viewer neither follows nor is."""
    return [
        id_
        for id_, entry in accounts.items()
        if entry.value.limited_at is not None and id_ not in sight.follows and id_ != sight.viewer
    ]


async def access_post(graph: Graph, viewer: int | None, id_: int) -> Seen:
    """The one post that a viewer named.

    :raises NotFound: it is not there, or not for this viewer.
    """
    seen = await hydrate(graph, await sight_of(graph, viewer), [id_], Place.SINGLE)
    if not seen:
        raise NotFound("Record not found")
    return seen[0]


async def access_original(graph: Graph, viewer: int | None, id_: int) -> Entry[Post]:
    """The post that is meant by one that a viewer named: where that is a repost, what it passes on.

    :raises NotFound: it is not there, or not for this viewer.
    """
    return (await access_post(graph, viewer, id_)).meant
