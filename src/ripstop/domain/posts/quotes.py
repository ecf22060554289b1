"""Quoting a post, and taking back the leave to."""

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, DIRECT, PRIVATE, PUBLIC, UNLISTED
from ripstop.domain.posts.audience import check_quote
from ripstop.domain.posts.draft import Composed, Draft
from ripstop.domain.posts.events import QuoteEnded
from ripstop.domain.posts.model import POST, QUOTES, Post, Quotation
from ripstop.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused, Write

ATTEMPTS = 3
"""How often revoking is tried where the quoting post is edited at the same time."""


def narrowed(draft: Draft, quoted: Post) -> Draft:
    """The draft of a quote: what quotes a private post is for no more people than followers."""
    if quoted.visibility == PRIVATE and draft.visibility in (PUBLIC, UNLISTED):
        return msgspec.structs.replace(draft, visibility=PRIVATE)
    return draft


async def check_quoting(graph: Graph, account: int, quoted: Entry[Post], draft: Draft, composed: Composed) -> str:
    """Return what the author of the quoted post is called, if the account may quote it in this draft.

    Two engine calls at most.

    :raises Forbidden: it may not.
    :raises Invalid: a direct post quotes somebody whom it does not name.
    :raises NotFound: the author is gone.
    """
    post = quoted.value
    await check_quote(graph, account, post)
    if draft.visibility == DIRECT and post.author not in (account, *(mention.id for mention in composed.mentions)):
        raise Invalid("Validation failed: A direct post can quote only those whom it mentions")
    author = await graph.get(ACCOUNT, post.author)
    if author is None:
        raise NotFound("Record not found")
    return author.value.acct


async def revoke(graph: Graph, actor: int, quoted: Entry[Post], quoting: int) -> None:
    """Have the post `quoting` quote one's own post no more. One commit, in the shard of the one that quotes.

    :raises Forbidden: the quoted post is somebody else's.
    :raises NotFound: it is not quoted there, or not any more.
    :raises Conflict: the quoting post is being edited all the time.
    """
    if quoted.value.author != actor:
        raise Forbidden("This action is not allowed")
    for _ in range(ATTEMPTS):
        found = await graph.get(POST, quoting)
        quote = None if found is None else found.value.quote
        if found is None or quote is None or quote.post != quoted.id or quote.revoked:
            raise NotFound("Record not found")
        write = graph.write(quoting)
        write.patch(POST, quoting, version=found.version, quote=msgspec.structs.replace(quote, revoked=True))
        write.remove(QUOTES, quoting, quoted.id)
        emit_ended(write, quoting, found.value.author, quote)
        try:
            await graph.commit(write)
        except Refused:  # edited, deleted or revoked meanwhile
            await graph.sync()
        else:
            return
    raise Conflict("This post is being edited at the same time")


def emit_ended(write: Write, quoting: int, actor: int, quote: Quotation) -> None:
    """Have it known that a quote is no more."""
    write.emit(QuoteEnded(post=quote.post, author=quote.author, actor=actor, quoting=quoting, quote=quote.id))
