"""The rules of who sees what, in one place.

=========== =========================================================================================
visibility  seen by
=========== =========================================================================================
public      everybody whom the author does not block
unlisted    the same, but it stands in no public list
private     the author, who follows the author, who is mentioned, and whose post it quotes
direct      the author, and who is mentioned
=========== =========================================================================================

Posts of accounts that moderators have limited are left out of what is public and of threads, unless the viewer follows
them (`ripstop.domain.viewing.hydrate`, which knows the accounts).

A post that moderators have taken down is shown to its author alone.

Beyond that, lists (all places but `Place.SINGLE`) leave out what the viewer does not want to meet: authors whom the
viewer blocks or mutes. A profile's own list shows a muted author, since the viewer went there. Lists of people leave
out the same (`ripstop.domain.viewing.people`).
"""

from collections.abc import Iterable
from enum import Enum

from ripstop.domain.accounts.model import DIRECT, PRIVATE, PUBLIC
from ripstop.domain.follows.model import BLOCKED_BY, BLOCKS, FOLLOWS, MUTES, NO_REPOSTS
from ripstop.domain.posts.model import FOLLOWS_TAG, Post, tag_id
from ripstop.domain.posts.tags import MOST_HELD
from ripstop.machinery.graph import Association, Graph, TypeSet

MOST_FOLLOWS = 10_000
"""Longest list of follows that is held as a set; the domain lets nobody follow more than 7,500."""
MOST_OTHERS = 5_000
"""Longest list of blocks and mutes that is held as a set; longer ones are asked about the authors at hand."""

RELATIONS = TypeSet(FOLLOWS, BLOCKS, BLOCKED_BY, MUTES, FOLLOWS_TAG)

_NOBODY: frozenset[int] = frozenset()
_NARROW = frozenset({PRIVATE, DIRECT})


class Place(Enum):
    """Where something is to be shown."""

    HOME = "home"
    PUBLIC = "public"
    ACCOUNT = "account"
    THREAD = "thread"
    SINGLE = "single"


class Sight:
    """A viewer's relations, as of the start of the request; None of a list says that it is too long to be held.

    `tags` are the ids of followed hashtags.

    Without a viewer all of them are empty. Never changed: it is shared by requests.
    """

    __slots__ = ("_hidden", "_long", "blocked_by", "blocks", "follows", "mutes", "no_reposts", "tags", "viewer")

    def __init__(
        self,
        viewer: int | None,
        *,
        follows: frozenset[int] = _NOBODY,
        no_reposts: frozenset[int] = _NOBODY,
        blocks: frozenset[int] | None = _NOBODY,
        blocked_by: frozenset[int] | None = _NOBODY,
        mutes: frozenset[int] | None = _NOBODY,
        tags: frozenset[int] = _NOBODY,
    ) -> None:
        self.viewer = viewer
        self.tags = tags
        self.follows = follows
        self.no_reposts = no_reposts
        self._long: list[Association] = [
            association
            for association, members in ((BLOCKS, blocks), (BLOCKED_BY, blocked_by), (MUTES, mutes))
            if members is None
        ]
        self.blocks = blocks or _NOBODY
        self.blocked_by = blocked_by or _NOBODY
        self.mutes = mutes or _NOBODY
        self._hidden = self.blocks | self.blocked_by | self.mutes

    @property
    def is_partial(self) -> bool:
        """Whether `knowing` must be asked before accounts are judged."""
        return bool(self._long)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 500 + 80 * (len(self.follows) + len(self._hidden) + len(self.tags))

    async def knowing(self, graph: Graph, accounts: Iterable[int]) -> "Sight":
        """The same, knowing how the viewer stands to these accounts where a list was too long. One engine call."""
        assert self.viewer is not None
        found: dict[int, set[int]] = {association.number: set() for association in (BLOCKS, BLOCKED_BY, MUTES)}
        for row in await graph.find(self.viewer, self._long, list(accounts)):
            found[row.type].add(row.target)
        return Sight(
            self.viewer,
            follows=self.follows,
            no_reposts=self.no_reposts,
            blocks=self.blocks | found[BLOCKS.number],
            blocked_by=self.blocked_by | found[BLOCKED_BY.number],
            mutes=self.mutes | found[MUTES.number],
            tags=self.tags,
        )

    def hides(self, account: int) -> bool:
        """Whether one of the two blocks the other, or the viewer mutes the account."""
        return account in self._hidden

    def shows(self, post: Post, place: Place) -> bool:
        """Whether the viewer may see this post, and wants to meet it in this place."""
        author = post.author
        if author in self._hidden and not self._tolerates(author, place):
            return False
        if post.taken_down_at is not None and author != self.viewer:
            return False
        if post.visibility in _NARROW and not self._is_meant(post):
            return False
        return place is not Place.HOME or self._wants_at_home(post, author)

    def _tolerates(self, author: int, place: Place) -> bool:
        """Whether posts of somebody who blocks, is blocked or is muted may still be shown there."""
        if author in self.blocked_by:
            return False
        return place is Place.SINGLE or (place is Place.ACCOUNT and author not in self.blocks)

    def _is_meant(self, post: Post) -> bool:
        """Whether a private or direct post is for the viewer."""
        viewer = self.viewer
        if viewer is None:
            return False
        if post.author == viewer or (post.visibility == PRIVATE and post.author in self.follows):
            return True
        if post.quote is not None and post.quote.author == viewer and post.visibility == PRIVATE:
            return True
        return any(mention.id == viewer for mention in post.mentions)

    def _wants_at_home(self, post: Post, author: int) -> bool:
        if author == self.viewer:
            return True
        if not self._wants_from(post, author) and not (self.tags and self._wants_tagged(post)):
            return False
        return not self.names_blocked(post)

    def names_blocked(self, post: Post) -> bool:
        """Whether a post names somebody whom the viewer blocks: home has no such posts by others."""
        return bool(self.blocks) and any(mention.id in self.blocks for mention in post.mentions)

    def _wants_from(self, post: Post, author: int) -> bool:
        """Whether it is what the viewer follows its author for."""
        follows = self.follows
        if author not in follows or post.visibility == DIRECT:
            return False
        if post.repost_of is not None and author in self.no_reposts:
            return False
        answered = post.in_reply_to_author
        return answered is None or answered in follows or answered == author or answered == self.viewer

    def _wants_tagged(self, post: Post) -> bool:
        """Whether it stands in the list of a hashtag that the viewer follows."""
        return post.visibility == PUBLIC and any(tag_id(tag) in self.tags for tag in post.tags)


ANONYMOUS = Sight(None)


async def sight_of(graph: Graph, viewer: int | None) -> Sight:
    """The viewer's sight. From the cache, or with one engine call for each list that is not there."""
    if viewer is None:
        return ANONYMOUS
    known: Sight | None = graph.recall(viewer, RELATIONS)
    if known is not None:
        return known
    return await graph.remember(viewer, RELATIONS, _look(graph, viewer), size=lambda sight: sight.size)


async def _look(graph: Graph, viewer: int) -> Sight:
    return Sight(
        viewer,
        follows=await graph.members(viewer, FOLLOWS, most=MOST_FOLLOWS) or _NOBODY,
        no_reposts=await graph.flagged(viewer, FOLLOWS, NO_REPOSTS, most=MOST_FOLLOWS),
        blocks=await graph.members(viewer, BLOCKS, most=MOST_OTHERS),
        blocked_by=await graph.members(viewer, BLOCKED_BY, most=MOST_OTHERS),
        mutes=await graph.members(viewer, MUTES, most=MOST_OTHERS),
        tags=await graph.members(viewer, FOLLOWS_TAG, most=MOST_HELD) or _NOBODY,
    )
