"""What becomes of the relations of a deleted account: nobody follows, blocks or lists it any more, nor it anybody."""

from collections.abc import Sequence

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.follows.events import ListDeleted, Unfollowed
from ripstop.domain.follows.functions import drop_from_lists
from ripstop.domain.follows.model import (
    BLOCKED_BY,
    BLOCKS,
    BLOCKS_DOMAIN,
    DISMISSED,
    ENDORSED_BY,
    ENDORSES,
    FOLLOWED_BY,
    FOLLOWS,
    HOLDS_LIST,
    MUTES,
    NOTES,
    REQUESTED_BY,
    REQUESTS,
    WATCHED_BY,
    WATCHES,
)
from ripstop.domain.follows.requests import undo_request
from ripstop.engines.base import Association
from ripstop.machinery.functions import Functions
from ripstop.machinery.graph import Events, Graph, Write


class Leaving:
    """Clears up after deleted accounts.

    Whom the account followed learn of it as of any unfollowing, since they were told of the follow. Its followers do
    not: what it was told goes with it. Its lists are deleted with all who are in them.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._eraser = Eraser(
            graph,
            "follows",
            plain=(BLOCKS, MUTES, NOTES, WATCHES, ENDORSES, DISMISSED, BLOCKS_DOMAIN),
            own={FOLLOWS: _unfollow, REQUESTS: _withdraw, HOLDS_LIST: _delete_lists},
            others={
                FOLLOWED_BY: self._lose,
                REQUESTED_BY: _forget_request,
                BLOCKED_BY: _forget_block,
                WATCHED_BY: _forget_watch,
                ENDORSED_BY: _forget_endorsement,
            },
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        self._eraser.register(functions, events)

    async def _lose(self, write: Write, account: int, follower: int) -> None:
        write.remove(FOLLOWS, follower, account)
        await drop_from_lists(self._graph, write, follower, account)


async def _unfollow(write: Write, account: int, rows: Sequence[Association]) -> None:
    for row in rows:
        write.remove(FOLLOWS, account, row.target)
        write.emit(Unfollowed(follower=account, followed=row.target, follow=row.order, listed=False))


async def _withdraw(write: Write, account: int, rows: Sequence[Association]) -> None:
    for row in rows:
        undo_request(write, account, row.target, row.order)


async def _delete_lists(write: Write, account: int, rows: Sequence[Association]) -> None:
    for row in rows:
        write.delete(row.target)
        write.remove(HOLDS_LIST, account, row.target)
        write.emit(ListDeleted(list=row.target))


async def _forget_request(write: Write, account: int, requester: int) -> None:
    write.remove(REQUESTS, requester, account)


async def _forget_block(write: Write, account: int, blocker: int) -> None:
    write.remove(BLOCKS, blocker, account)


async def _forget_endorsement(write: Write, account: int, endorser: int) -> None:
    write.remove(ENDORSES, endorser, account)


async def _forget_watch(write: Write, account: int, follower: int) -> None:
    write.remove(WATCHES, follower, account)
