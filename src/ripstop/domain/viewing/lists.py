"""What stands in a list, beside the rules of home."""

from typing import NamedTuple

from ripstop.domain.accounts.model import DIRECT
from ripstop.domain.follows.lists import members_of
from ripstop.domain.follows.model import REPLIES_LIST, REPLIES_NONE, List
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing.sight import Sight
from ripstop.machinery.graph import Entry, Graph


class ListSight(NamedTuple):
    """What the owner of a list wants to see in it.

    :ivar members: who is in it, followed or not.
    :ivar authors: those whose posts stand in it: members whom the owner follows, and the owner if it is one.
    """

    owner: int
    replies_policy: str
    members: frozenset[int]
    authors: frozenset[int]

    def wants(self, post: Post) -> bool:
        """Whether a post of one of `authors` stands in the list: answers do as its policy says, direct posts never."""
        if post.visibility == DIRECT:
            return False
        answered = post.in_reply_to_author
        if post.in_reply_to is None or answered in (post.author, self.owner):
            return True
        policy = self.replies_policy
        return policy != REPLIES_NONE and (policy != REPLIES_LIST or answered in self.members)


async def list_sight(graph: Graph, entry: Entry[List], sight: Sight) -> ListSight:
    """What stands in a list. At most one engine call.

    :param sight: of the list's owner.
    """
    owner = entry.value.owner
    members = await members_of(graph, entry.id)
    authors = members & sight.follows
    if owner in members:
        authors |= {owner}
    return ListSight(owner, entry.value.replies_policy, members, authors)
