"""Following somebody so closely that one is told of each new post.

The wish stands in the follow (`NOTIFY`), where it is changed and ends with it. `WATCHED_BY` only says where to look for
such follows without going through all followers, and an account is marked as watched so that those who are not, which
are nearly all, cost nothing. Both may say too much, and whoever reads them asks the follow.
"""

import msgspec

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.follows.model import FOLLOWS, NOTIFY, WATCHES
from ripstop.machinery.functions import Call, Done, Functions, Outcome
from ripstop.machinery.graph import Events, Graph, Listening, Write


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """`follower` wants to be told of each new post of `followed`."""

    follower: int
    followed: int


def watch(write: Write, follower: int, followed: int) -> None:
    """Have a follow found that says so; in its batch."""
    write.put(WATCHES, follower, followed, order=write.new_id(), if_absent=True)
    write.emit(Watched(follower=follower, followed=followed))


async def is_watching(graph: Graph, follower: int, followed: int) -> bool:
    """Whether the follow is there and says so. One engine call."""
    rows = await graph.find(follower, (FOLLOWS,), (followed,))
    return bool(rows and rows[0].flags & NOTIFY)


class Watching:
    """Marks accounts as watched."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the function, and have it called."""
        Listening(functions, events).to(Watched, self._mark, name="follows.mark_watched")

    async def _mark(self, call: Call[Watched]) -> Outcome:
        account = await self._graph.get(ACCOUNT, call.arguments.followed)
        if account is None or account.value.watched:
            return Done()
        write = self._graph.write(account.id)
        write.patch(ACCOUNT, account.id, watched=True)
        return Done(write.batch())
