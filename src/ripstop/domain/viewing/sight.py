"""The rules of who sees what, in one place.

=========== =========================================================================================
visibility  seen by
=========== =========================================================================================
public      everybody whom the author does not block
unlisted    the same, but it stands in no public list
private     the author, who follows the author, and who is mentioned
direct      the author, and who is mentioned
=========== =========================================================================================

Beyond that, lists (all places but `Place.SINGLE`) leave out what the viewer does not want to meet: authors whom the
viewer blocks or mutes. A profile's own list shows a muted author, since the viewer went there.
"""

from collections.abc import Iterable
from enum import Enum

from ripstop.domain.accounts.model import DIRECT, PRIVATE
from ripstop.domain.follows.model import BLOCKED_BY, BLOCKS, FOLLOWS, MUTES, NO_REPOSTS
from ripstop.domain.posts.model import Post
from ripstop.machinery.graph import Association, Graph

MOST_FOLLOWS = 10_000
"""Longest list of follows that is held as a set; the domain lets nobody follow more than 7,500."""
MOST_OTHERS = 5_000
"""Longest list of blocks and mutes that is held as a set; longer ones are asked about the authors at hand."""


class Place(Enum):
    """Where something is to be shown."""

    HOME = "home"
    PUBLIC = "public"
    ACCOUNT = "account"
    THREAD = "thread"
    SINGLE = "single"


class Sight:
    """A viewer's relations, as of the start of the request. Without a viewer all of them are empty."""

    __slots__ = ("_long", "blocked_by", "blocks", "follows", "mutes", "no_reposts", "viewer")

    def __init__(
        self,
        viewer: int | None,
        *,
        follows: frozenset[int] = frozenset(),
        no_reposts: frozenset[int] = frozenset(),
        blocks: frozenset[int] | None = frozenset(),
        blocked_by: frozenset[int] | None = frozenset(),
        mutes: frozenset[int] | None = frozenset(),
    ) -> None:
        self.viewer = viewer
        self.follows = follows
        self.no_reposts = no_reposts
        self._long = [
            association
            for association, members in ((BLOCKS, blocks), (BLOCKED_BY, blocked_by), (MUTES, mutes))
            if members is None
        ]
        self.blocks = blocks or frozenset()
        self.blocked_by = blocked_by or frozenset()
        self.mutes = mutes or frozenset()

    async def look_at(self, graph: Graph, accounts: Iterable[int]) -> None:
        """Learn the relations to these accounts where a list was too long to be held. At most one engine call."""
        if not self._long or self.viewer is None:
            return
        found: dict[int, set[int]] = {association.number: set() for association in self._long}
        for row in await graph.find(self.viewer, self._long, list(accounts)):
            found[row.type].add(row.target)
        self.blocks |= found.get(BLOCKS.number, set())
        self.blocked_by |= found.get(BLOCKED_BY.number, set())
        self.mutes |= found.get(MUTES.number, set())

    def may_see(self, post: Post) -> bool:
        """Whether the rules let the viewer see this post at all."""
        author, viewer = post.author, self.viewer
        if author == viewer and viewer is not None:
            return True
        if author in self.blocked_by:
            return False
        visibility = post.visibility
        if visibility != PRIVATE and visibility != DIRECT:
            return True
        if viewer is None:
            return False
        if visibility == PRIVATE and author in self.follows:
            return True
        return any(mention.id == viewer for mention in post.mentions)

    def wants(self, post: Post, place: Place) -> bool:
        """Whether the viewer wants to meet this post in a list of this place."""
        author = post.author
        if author in self.blocks:
            return False
        if author in self.mutes:
            return place is Place.ACCOUNT
        if place is Place.HOME:
            return self._wants_at_home(post)
        return True

    def _wants_at_home(self, post: Post) -> bool:
        author = post.author
        if author != self.viewer and author not in self.follows:
            return False
        if post.repost_of is not None and author in self.no_reposts:
            return False
        answered = post.in_reply_to_author
        if answered is not None and answered not in (self.viewer, author) and answered not in self.follows:
            return False
        if self.blocks and any(mention.id in self.blocks for mention in post.mentions):
            return False
        return post.visibility != DIRECT or author == self.viewer


ANONYMOUS = Sight(None)


async def sight_of(graph: Graph, viewer: int | None) -> Sight:
    """The viewer's sight. From the cache, or with one engine call for each list that is not there."""
    if viewer is None:
        return ANONYMOUS
    return Sight(
        viewer,
        follows=await graph.members(viewer, FOLLOWS, most=MOST_FOLLOWS) or frozenset(),
        no_reposts=await graph.flagged(viewer, FOLLOWS, NO_REPOSTS, most=MOST_FOLLOWS),
        blocks=await _others(graph, viewer, BLOCKS),
        blocked_by=await _others(graph, viewer, BLOCKED_BY),
        mutes=await _others(graph, viewer, MUTES),
    )


async def _others(graph: Graph, viewer: int, association: Association) -> frozenset[int] | None:
    return await graph.members(viewer, association, most=MOST_OTHERS)
