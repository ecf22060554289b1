"""Reading conversations, and removing them."""

import contextlib

from ripstop.domain.conversations.events import ConversationLeft
from ripstop.domain.conversations.model import CONVERSING, UNREAD
from ripstop.engines import base
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph, Refused


async def mark(graph: Graph, account: int, conversation: int, *, unread: bool) -> None:
    """Say that a conversation was read, or that it is to be read again. One engine call and a commit.

    :raises NotFound: it is none of the account's.
    """
    row = await _access(graph, account, conversation)
    if bool(row.flags & UNREAD) == unread:
        return
    write = graph.write(account)
    write.check_association(CONVERSING, account, conversation, order=row.order)
    write.put(CONVERSING, account, conversation, order=row.order, flags=UNREAD if unread else 0)
    with contextlib.suppress(Refused):  # somebody said something at this very moment, which nobody has read
        await graph.commit(write)


async def remove(graph: Graph, account: int, conversation: int) -> None:
    """See no more of what was said; what is said from now on begins it anew. One engine call and a commit.

    :raises NotFound: it is none of the account's.
    """
    row = await _access(graph, account, conversation)
    write = graph.write(account)
    write.remove(CONVERSING, account, conversation)
    write.emit(ConversationLeft(account=account, conversation=conversation, upto=row.order))
    await graph.commit(write)


async def _access(graph: Graph, account: int, conversation: int) -> base.Association:
    rows = await graph.find(account, (CONVERSING,), (conversation,))
    if not rows:
        raise NotFound("Record not found")
    return rows[0]
