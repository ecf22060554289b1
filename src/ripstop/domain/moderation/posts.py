"""What is done about posts. Each action is recorded in the batch that does it, and not if it changes nothing."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.audit import Subject, check_reason, record
from ripstop.domain.moderation.authority import Staff
from ripstop.domain.moderation.events import TakenDown
from ripstop.domain.posts.listing import relist
from ripstop.domain.posts.model import POST, Post
from ripstop.kernel.errors import Conflict, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused

_TRIES = 5

Change = Callable[[Post, int], dict[str, Any]]
"""The fields to be set of a post as it is now, at an instant; none: it is so already."""


class Act(Protocol):
    """Something that is done about a post."""

    async def __call__(self, graph: Graph, staff: Staff, id_: int, *, reason: str = "") -> Entry[Post]: ...


async def access_any_post(graph: Graph, id_: int) -> Entry[Post]:
    """The post with this id, whoever it is for. At most one engine call.

    :raises NotFound: there is none, or it is the sign that somebody passed one on.
    """
    post = await graph.get(POST, id_)
    if post is None or post.value.repost_of is not None:
        raise NotFound("Record not found")
    return post


async def take_down(graph: Graph, staff: Staff, id_: int, *, reason: str = "") -> Entry[Post]:
    """Show a post to nobody but its author, who is told the reason. See `_change`."""
    reason = check_reason(reason)

    def change(post: Post, at: int) -> dict[str, Any]:
        return {} if post.taken_down_at is not None else {"taken_down_at": at, "takedown_reason": reason}

    return await _change(graph, staff, id_, "take_down", change, reason)


async def restore(graph: Graph, staff: Staff, id_: int, *, reason: str = "") -> Entry[Post]:
    """Show a post again that was taken down. See `_change`."""

    def change(post: Post, at: int) -> dict[str, Any]:
        return {} if post.taken_down_at is None else {"taken_down_at": None, "takedown_reason": ""}

    return await _change(graph, staff, id_, "restore", change, reason)


def _taken_down(id_: int, post: Post) -> TakenDown:
    mentions = tuple(mention.id for mention in post.mentions)
    return TakenDown(post=id_, author=post.author, flags=post.flags, mentions=mentions, tags=post.tags)


async def mark_sensitive(graph: Graph, staff: Staff, id_: int, *, reason: str = "") -> Entry[Post]:
    """Say that a post is sensitive, whatever its author says. See `_change`."""

    def change(post: Post, at: int) -> dict[str, Any]:
        return {} if post.sensitized else {"sensitized": True, "sensitive": True}

    return await _change(graph, staff, id_, "mark_sensitive", change, reason)


async def unmark_sensitive(graph: Graph, staff: Staff, id_: int, *, reason: str = "") -> Entry[Post]:
    """Say that a post is sensitive only if it has a content warning, until its author edits it. See `_change`."""

    def change(post: Post, at: int) -> dict[str, Any]:
        return {"sensitized": False, "sensitive": bool(post.spoiler_text)} if post.sensitized else {}

    return await _change(graph, staff, id_, "unmark_sensitive", change, reason)


async def _change(graph: Graph, staff: Staff, id_: int, action: str, change: Change, reason: str) -> Entry[Post]:
    """Change a post, and record that. One commit and at most two engine calls; no commit if it is so already.

    :raises Forbidden: the staff may not do this, or not to this author.
    :raises Invalid: the reason is too long.
    :raises NotFound: there is no such post.
    :raises Conflict: it is being edited all the time.
    """
    staff.check_power(Power.MANAGE_REPORTS)
    reason = check_reason(reason)
    for _ in range(_TRIES):
        post = await access_any_post(graph, id_)
        author = await graph.get(ACCOUNT, post.value.author)
        if author is None:
            raise NotFound("Record not found")
        staff.check_over(author.value)
        at = graph.now_ms()
        fields = change(post.value, at)
        if not fields:
            return post
        after = msgspec.structs.replace(post.value, **fields)
        write = graph.write(id_)
        write.patch(POST, id_, version=post.version, **fields)
        relist(write, id_, post.value, after)
        subject = Subject(account=author.id, name=author.value.acct, post=id_)
        record(write, staff, action, subject, at=at, reason=reason)
        if "taken_down_at" in fields and after.taken_down_at is not None:
            write.emit(_taken_down(id_, after))
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
        else:
            return Entry(POST.number, id_, post.version + 1, after)
    raise Conflict("This post is being edited at the same time")
