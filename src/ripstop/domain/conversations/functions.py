"""Keeping conversations: each direct post enters that of everybody who is in it, and leaves when it is deleted.

Batches of one conversation may come in any order, and a post may be deleted before it has entered. So nobody but
`conversations.settle` says which post is the newest: it is called after each change, takes out what is gone, and
when it has to change the row it looks once more.
"""

from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.conversations.events import ConversationChanged, ConversationLeft, ConversationUnsettled
from ripstop.domain.conversations.model import CONVERSING, SAID_IN, UNREAD, conversation_id
from ripstop.domain.posts.events import PostDeleted, PostEdited, PostPublished
from ripstop.domain.posts.model import IS_DIRECT, POST, Post
from ripstop.engines import base
from ripstop.machinery.functions import MAX_PARTS, Call, Checkpoint, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Events, Graph, Listening, Write

LOOK = 40
"""Posts of a conversation that are looked at at once."""


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

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        functions.declare(self._entering)
        functions.declare(self._settling)
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
        events.durable(ConversationUnsettled, self._settling)
        Eraser(self._graph, "conversations", own={CONVERSING: self._erase}).register(functions, events)

    async def _published(self, call: Call[PostPublished]) -> Outcome:
        event = call.arguments
        accounts = (event.author, *event.mentions)
        return self._pass_on(event.post, Enter(post=event.post, root=event.root or event.post, accounts=accounts))

    async def _deleted(self, call: Call[PostDeleted]) -> Outcome:
        event = call.arguments
        accounts = (event.author, *event.mentions)
        return self._pass_on(event.post, Enter(post=event.post, root=event.root or event.post, accounts=accounts))

    async def _edited(self, call: Call[PostEdited]) -> Outcome:
        event = call.arguments
        accounts = (*event.mentions, *(account for account, _ in event.dropped))
        return self._pass_on(event.post, Enter(post=event.post, root=event.root or event.post, accounts=accounts))

    def _pass_on(self, home: int, order: Enter) -> Outcome:
        write = self._graph.write(home)
        write.call(self._entering, order)
        return Done(write.batch())

    async def _enter(self, call: Call[Enter]) -> Outcome:
        """Each account has its conversation in a shard of its own.

        Calls of several edits may come in any order, so it is the post as it is now that says who is in it.
        """
        work = call.arguments
        accounts = list(dict.fromkeys(work.accounts))
        if len(accounts) > 1:
            return Split([msgspec.structs.replace(work, accounts=(account,)) for account in accounts[:MAX_PARTS]])
        account = accounts[0]
        conversation = conversation_id(account, work.root)
        write = self._graph.write(account)
        post = await self._graph.get(POST, work.post)
        if post is not None and _is_in(account, post.value):
            write.put(SAID_IN, conversation, work.post, order=work.post)
        else:
            write.remove(SAID_IN, conversation, work.post)
        self._settle_after(write, account, conversation)
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
        for row in said:
            if row.target not in posts:
                write.remove(SAID_IN, conversation, row.target)
        newest = next((posts[row.target] for row in said if row.target in posts), None)
        if newest is not None and (not rows or rows[0].order != newest.id):
            is_news = newest.value.author != account and (not rows or rows[0].order < newest.id)
            is_unread = is_news or (bool(rows) and newest.value.author != account and rows[0].flags & UNREAD)
            write.put(CONVERSING, account, conversation, order=newest.id, flags=UNREAD if is_unread else 0)
            write.emit(ConversationChanged(account=account, conversation=conversation))
        elif newest is None and rows and not said:
            write.remove(CONVERSING, account, conversation)
        if not write.operations:
            return Done()
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
