"""The lists that a post stands in."""

from ripstop.domain.accounts.model import PUBLIC, UNLISTED
from ripstop.domain.posts.model import (
    IN_THREAD,
    LISTED,
    LOCAL_TIMELINE,
    POSTED,
    QUOTES,
    REPLY_TO,
    TAGGED,
    Post,
    tag_id,
)
from ripstop.machinery.graph import Write


def enlist(write: Write, id_: int, post: Post) -> None:
    """Put a post into the lists that it stands in; `strike` takes it out of the same."""
    write.put(POSTED, post.author, id_, order=id_, flags=post.flags)
    if _is_listed(post):
        write.put(LISTED, id_, LOCAL_TIMELINE, order=id_, flags=post.flags)
    if post.visibility == PUBLIC:
        for tag in post.tags:
            write.put(TAGGED, id_, tag_id(tag), order=id_, flags=post.flags)
    if post.in_reply_to is not None and _is_counted(post):
        write.put(REPLY_TO, id_, post.in_reply_to, order=id_, flags=post.flags)
    if post.root is not None:
        write.put(IN_THREAD, id_, post.root, order=id_, flags=post.flags)
    if post.quote is not None and not post.quote.revoked and _is_counted(post):
        write.put(QUOTES, id_, post.quote.post, order=post.quote.id, flags=post.flags)


def relist(write: Write, id_: int, before: Post, after: Post) -> None:
    """Have an edited post stand in the lists that it belongs in now, and nowhere else."""
    if after.flags != before.flags:
        enlist(write, id_, after)
    elif after.visibility == PUBLIC:
        for tag in after.tags:
            if tag not in before.tags:
                write.put(TAGGED, id_, tag_id(tag), order=id_, flags=after.flags)
    if after.visibility == PUBLIC:
        for tag in before.tags:
            if tag not in after.tags:
                write.remove(TAGGED, id_, tag_id(tag))


def strike(write: Write, id_: int, post: Post) -> None:
    """Take a post out of all lists that it stands in."""
    write.remove(POSTED, post.author, id_)
    if _is_listed(post):
        write.remove(LISTED, id_, LOCAL_TIMELINE)
    if post.visibility == PUBLIC:
        for tag in post.tags:
            write.remove(TAGGED, id_, tag_id(tag))
    if post.in_reply_to is not None and _is_counted(post):
        write.remove(REPLY_TO, id_, post.in_reply_to)
    if post.root is not None:
        write.remove(IN_THREAD, id_, post.root)
    if post.quote is not None and not post.quote.revoked and _is_counted(post):
        write.remove(QUOTES, id_, post.quote.post)


def _is_counted(post: Post) -> bool:
    """Whether it counts as an answer or a quote: how many there are that are not for everybody is told to nobody."""
    return post.visibility in (PUBLIC, UNLISTED)


def _is_listed(post: Post) -> bool:
    """Whether a post stands in the server's own timeline: what is public, and no answer to somebody else."""
    return post.visibility == PUBLIC and post.in_reply_to_author in (None, post.author)
