"""Posts that their author's profile shows first."""

from ripstop.domain.accounts.access import access_own_account
from ripstop.domain.accounts.model import ACCOUNT, DIRECT
from ripstop.domain.posts.actions import ATTEMPTS
from ripstop.domain.posts.model import PINNED, POST, Post
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused

MOST_PINNED = 5


async def pin(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Show one's own post first; once is enough. One engine call and one commit.

    The version of the account goes up with each pin, so that of two at once one finds that the other was first.

    :raises Invalid: it is somebody else's, or for those alone whom it names, or as many are pinned as may be.
    :raises NotFound: it was deleted meanwhile.
    :raises Conflict: the account is being changed all the time.
    """
    if post.value.author != actor:
        raise Invalid("Validation failed: Someone else's post cannot be pinned")
    if post.value.repost_of is not None:
        raise Invalid("Validation failed: A boost cannot be pinned")
    if post.value.visibility == DIRECT:
        raise Invalid("Validation failed: Posts that are only visible to mentioned users cannot be pinned")
    for _ in range(ATTEMPTS):
        account = await access_own_account(graph, actor)
        rows = await graph.range(actor, PINNED, limit=MOST_PINNED)
        if any(row.target == post.id for row in rows):
            return
        if len(rows) >= MOST_PINNED:
            raise Invalid("Validation failed: You have already pinned the maximum number of posts")
        write = graph.write(actor)
        write.check_object(post.id)
        write.patch(ACCOUNT, actor, version=account.version)
        write.put(PINNED, actor, post.id, order=write.new_id())
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
            if await graph.get(POST, post.id) is None:
                raise NotFound("Record not found") from None
        else:
            return
    raise Conflict("Your account is being changed at the same time")


async def unpin(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Show it first no more. One commit."""
    write = graph.write(actor)
    write.remove(PINNED, actor, post.id)
    await graph.commit(write)
