"""Keeping conversations: each direct post enters that of everybody who is in it, and leaves when it is deleted.

Batches of one conversation may come in any order. Who enters a post therefore puts a row that only rises. Where a post
leaves, `conversations.settle` compares the row with what was said, takes out what is gone, and when it has to change
anything it looks once more. A post may also be deleted while it enters, which its two ends, in shards of their own,
cannot tell each other: so it is settled again when nothing can be under way any more.
"""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.conversations.events import ConversationChanged, ConversationLeft, ConversationUnsettled
from ripstop.domain.conversations.model import CONVERSING, SAID_IN, UNREAD, conversation_id
from ripstop.domain.posts.events import PostDeleted, PostEdited, PostPublished
from ripstop.domain.posts.model import IS_DIRECT, POST, Post
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.machinery.functions import MAX_PARTS, Call, Checkpoint, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, Listening, Write

LOOK = 40
"""Posts of a conversation that are looked at at once."""
LATE_MS = 120_000
"""After which a conversation is settled again that a post has left: twice as long as a call may take to enter it."""


class Enter(msgspec.Struct, frozen=True, kw_only=True):
    """Put a post into the conversations of those of these accounts who are in it, and take it out of the others'."""

    post: int
    root: int
    accounts: tuple[int, ...]


class Conversations:
    """The functions that listen to direct posts."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._entering = Function(name="conversations.enter", arguments=Enter, handler=self._enter)
        self._settling = Function(name="conversations.settle", arguments=ConversationUnsettled, handler=self._settle)
        self._settling_late = Function(
            name="conversations.settle_late",
            arguments=ConversationUnsettled,
            handler=self._settle,
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        functions.declare(self._entering)
        functions.declare(self._settling)
        functions.declare(self._settling_late)
        listen = Listening(functions, events)
        listen.to(
            PostPublished,
            self._published,
            name="conversations.published",
            when=lambda event: bool(event.flags & IS_DIRECT),
        )
        listen.to(PostEdited, self._edited, name="conversations.edited", when=_changes_who_is_in_it)
        listen.to(
            PostDeleted, self._deleted, name="conversations.deleted", when=lambda event: bool(event.flags & IS_DIRECT)
        )
        listen.to(ConversationLeft, self._left, name="conversations.empty")
        Eraser(self._graph, "conversations", own={CONVERSING: self._erase}).register(functions, events)

    async def _published(self, call: Call[PostPublished]) -> Outcome:
        event = call.arguments
        return self._pass_on(event.post, event.root, (event.author, *event.mentions))

    async def _deleted(self, call: Call[PostDeleted]) -> Outcome:
        event = call.arguments
        return self._pass_on(event.post, event.root, (event.author, *event.mentions))

    async def _edited(self, call: Call[PostEdited]) -> Outcome:
        event = call.arguments
        return self._pass_on(event.post, event.root, (*event.mentions, *(account for account, _ in event.dropped)))

    def _pass_on(self, post: int, root: int | None, accounts: Sequence[int]) -> Outcome:
        """A call for each account, which has its conversation in a shard of its own."""
        write = self._graph.write(post)
        for account in list(dict.fromkeys(accounts))[:MAX_PARTS]:
            write.call(self._entering, Enter(post=post, root=root or post, accounts=(account,)))
        return Done(write.batch())

    async def _enter(self, call: Call[Enter]) -> Outcome:
        """Calls of several edits may come in any order, so it is the post as it is now that says who is in it."""
        work = call.arguments
        accounts = list(dict.fromkeys(work.accounts))
        if len(accounts) > 1:
            return Split([msgspec.structs.replace(work, accounts=(account,)) for account in accounts[:MAX_PARTS]])
        account = accounts[0]
        conversation = conversation_id(account, work.root)
        write = self._graph.write(account)
        post = await self._graph.get(POST, work.post)
        if post is not None and _is_in(account, post.value):
            flags = 0 if post.value.author == account else UNREAD
            write.put(SAID_IN, conversation, work.post, order=work.post)
            write.put(CONVERSING, account, conversation, order=work.post, flags=flags, rising=True)
            write.emit(ConversationChanged(account=account, conversation=conversation))
            return Done(write.batch(), write.live)
        write.remove(SAID_IN, conversation, work.post)
        self._settle_after(write, account, conversation)
        unsettled = ConversationUnsettled(account=account, conversation=conversation)
        write.call(self._settling_late, unsettled, due=self._graph.now_ms() + LATE_MS)
        return Done(write.batch())

    def _settle_after(self, write: Write, account: int, conversation: int) -> None:
        unsettled = ConversationUnsettled(account=account, conversation=conversation)
        write.call(self._settling, unsettled, key=f"{account}/{conversation}")

    async def _settle(self, call: Call[ConversationUnsettled]) -> Outcome:
        account, conversation = call.arguments.account, call.arguments.conversation
        rows = await self._graph.find(account, (CONVERSING,), (conversation,))
        said = await self._graph.range(conversation, SAID_IN, limit=LOOK)
        found = await self._graph.get_many(POST, [row.target for row in said])
        posts = {id_: post for id_, post in found.items() if _is_in(account, post.value)}
        write = self._graph.write(account)
        for each in said:
            if each.target not in posts:
                write.remove(SAID_IN, conversation, each.target)
        row = rows[0] if rows else None
        newest = next((posts[each.target] for each in said if each.target in posts), None)
        if newest is not None and (row is None or row.order != newest.id):
            is_news = row is None or row.order < newest.id
            was_unread = row is not None and bool(row.flags & UNREAD)
            is_unread = newest.value.author != account and (is_news or was_unread)
            write.check_association(SAID_IN, conversation, newest.id)
            flags = UNREAD if is_unread else 0
            write.put(CONVERSING, account, conversation, order=newest.id, flags=flags, rising=is_news)
            write.emit(ConversationChanged(account=account, conversation=conversation))
        elif newest is None and row is not None and not said:
            write.remove(CONVERSING, account, conversation)
        if not write.operations:
            return Done()
        if row is not None:
            write.check_association(CONVERSING, account, conversation, order=row.order)
        self._settle_after(write, account, conversation)
        return Done(write.batch(), write.live)

    async def _left(self, call: Call[ConversationLeft]) -> Outcome:
        """Empty a conversation that its owner has removed."""
        work = call.arguments
        rows = await self._graph.range(work.conversation, SAID_IN, before=(work.upto + 1, 0), limit=LOOK)
        write = self._graph.write(work.account)
        for row in rows:
            write.remove(SAID_IN, work.conversation, row.target)
        if len(rows) == LOOK:
            return Checkpoint("", write.batch())
        self._settle_after(write, work.account, work.conversation)
        return Done(write.batch())

    async def _erase(self, write: Write, account: int, rows: Sequence[base.Association]) -> None:
        """Remove conversations of a deleted account, and empty them."""
        for row in rows:
            write.remove(CONVERSING, account, row.target)
            write.emit(ConversationLeft(account=account, conversation=row.target, upto=row.order))


def _is_in(account: int, post: Post) -> bool:
    """Whether a post is by or for an account."""
    return account == post.author or any(mention.id == account for mention in post.mentions)


def _changes_who_is_in_it(event: PostEdited) -> bool:
    return bool(event.flags & IS_DIRECT and (event.mentions or event.dropped))
