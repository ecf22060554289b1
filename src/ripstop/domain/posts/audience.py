"""Who may quote a post, and who may answer it.

Both are chosen by its author among `QUOTE_POLICIES` and `REPLY_POLICIES`. Who may answer is said by the first post of a
thread, for all of the thread; whom that post names may always answer. Once it is deleted, nobody says so any more.

An audience is looked at as of the start of the request, since post, answer and follow live in shards of their own:
what was sent before a change was acknowledged may still come through, what is sent after it does not.
"""

from typing import Any

import msgspec

from ripstop.domain.accounts.model import (
    DIRECT,
    EVERYONE,
    FOLLOWERS,
    FOLLOWING,
    NOBODY,
    PRIVATE,
    PUBLIC,
    QUOTE_POLICIES,
    REPLY_POLICIES,
)
from ripstop.domain.follows.model import BLOCKED_BY, BLOCKS, FOLLOWS
from ripstop.domain.posts.model import POST, Post
from ripstop.kernel.errors import Forbidden, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused

NARROW = frozenset({PRIVATE, DIRECT})
"""Visibilities of posts that nobody but their author may quote, whatever the policy."""

_REFUSALS = {
    FOLLOWING: "Only those whom the author of this thread follows can reply to it",
    FOLLOWERS: "Only followers of the author of this thread can reply to it",
}


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """What the author of a post wants to change of who may do what with it; what is None stays."""

    quote: str | None = None
    reply: str | None = None


def quote_policy(post: Post) -> str:
    """Who may quote a post beside its author."""
    return NOBODY if post.visibility in NARROW else post.quote_policy


def reply_policy(post: Post) -> str | None:
    """Who may answer in the thread that a post begins; None for an answer, of which the thread's first post says it."""
    return post.reply_policy if post.root is None else None


def may_quote(post: Post, account: int, *, follows: bool) -> bool:
    """Whether an account that may see a post, and follows its author or not, may quote it."""
    if post.visibility == DIRECT:
        return False
    if post.author == account:
        return True
    policy = quote_policy(post)
    return policy == PUBLIC or (policy == FOLLOWERS and follows)


def may_repost(post: Post, account: int) -> bool:
    """Whether an account that may see a post may pass it on."""
    return post.visibility != DIRECT and (post.visibility != PRIVATE or post.author == account)


def may_reply(first: Post, account: int, *, follows: bool, followed: bool) -> bool:
    """Whether an account may answer in the thread that a post begins.

    :param follows: whether it follows the author of that post.
    :param followed: whether that author follows it.
    """
    policy = first.reply_policy
    if policy == EVERYONE or first.author == account:
        return True
    if (policy == FOLLOWERS and follows) or (policy == FOLLOWING and followed):
        return True
    return any(mention.id == account for mention in first.mentions)


async def check_quote(graph: Graph, account: int, post: Post) -> None:
    """Return if an account may quote a post that it may see. One engine call, none for its own.

    :raises Forbidden: it may not.
    """
    related = set()
    if post.author != account:
        related = {row.type for row in await graph.find(account, (FOLLOWS, BLOCKS, BLOCKED_BY), (post.author,))}
    if related & {BLOCKS.number, BLOCKED_BY.number}:
        raise Forbidden("This action is not allowed")
    if not may_quote(post, account, follows=FOLLOWS.number in related):
        raise Forbidden("The author does not let you quote this post")


async def check_reply(graph: Graph, account: int, parent: Entry[Post]) -> None:
    """Return if an account may answer a post that it may see.

    One engine call if the thread's first post is not cached, and two if not everybody may answer.

    :raises Forbidden: it may not.
    """
    first = parent if parent.value.root is None else await graph.get(POST, parent.value.root)
    if first is None or may_reply(first.value, account, follows=False, followed=False):
        return
    author = first.value.author
    related = {row.type for row in await graph.find(account, (FOLLOWS, BLOCKED_BY), (author,))}
    followed = bool(await graph.find(author, (FOLLOWS,), (account,)))
    # A block ends both follows, though it takes a moment until their rows are gone.
    if BLOCKED_BY.number not in related and may_reply(
        first.value, account, follows=FOLLOWS.number in related, followed=followed
    ):
        return
    sentence = _REFUSALS.get(first.value.reply_policy, "Only those whom the author of this thread mentions can reply")
    raise Forbidden(sentence)


def check_policies(quote: str | None, reply: str | None, *, begins: bool) -> None:
    """Return if these are policies, for a post that begins a thread or is an answer.

    :raises Invalid: they are not, or an answer says who may answer.
    """
    if quote not in (None, *QUOTE_POLICIES):
        raise Invalid("Validation failed: Quote approval policy is not included in the list")
    if reply not in (None, *REPLY_POLICIES):
        raise Invalid("Validation failed: Reply policy is not included in the list")
    if reply is not None and not begins:
        raise Invalid("Validation failed: The first post of a thread says who may reply in it")


def changed_policies(post: Post, wanted: Policies) -> dict[str, Any]:
    """The fields of a post that its author's wish changes.

    :raises Invalid: see `check_policies`.
    """
    check_policies(wanted.quote, wanted.reply, begins=post.root is None)
    fields: dict[str, Any] = {}
    if wanted.quote not in (None, post.quote_policy) and post.visibility not in NARROW:
        fields["quote_policy"] = wanted.quote
    if wanted.reply not in (None, post.reply_policy):
        fields["reply_policy"] = wanted.reply
    return fields


async def change_policies(graph: Graph, author: int, post: Entry[Post], wanted: Policies) -> None:
    """Say anew who may quote one's own post and answer it. One commit, none if nothing changes.

    What was quoted and answered before stays.

    :raises Invalid: see `check_policies`.
    :raises NotFound: it is somebody else's, or was deleted meanwhile.
    """
    if post.value.author != author or post.value.repost_of is not None:
        raise NotFound("Record not found")
    fields = changed_policies(post.value, wanted)
    if not fields:
        return
    write = graph.write(post.id)
    write.patch(POST, post.id, **fields)
    try:
        await graph.commit(write)
    except Refused:
        raise NotFound("Record not found") from None
