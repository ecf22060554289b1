"""Keeping the text index and the names of hashtags.

Each function looks at what is there when it runs, not at what it was told, so that late calls do no harm: an author
who took consent back is not indexed by a call from before.
"""

import msgspec

from ripstop.domain.accounts.events import ConsentChanged
from ripstop.domain.accounts.model import ACCOUNT, PUBLIC
from ripstop.domain.posts.events import PostDeleted, PostEdited, PostPublished
from ripstop.domain.posts.model import IS_PUBLIC, POST, POSTED, REPOST, Post, tag_id
from ripstop.domain.search.model import POSTS, author_filter, hashtag_name
from ripstop.engines.base import Criticality, Engine, Table
from ripstop.engines.derived import TextDocument
from ripstop.machinery.functions import Call, Checkpoint, Done, Functions, Outcome
from ripstop.machinery.graph import Entry, Events, Graph, Listening, Write

AT_ONCE = 100
"""Posts that one step of indexing an account takes."""

SCANNED = 2_000
"""Objects that one step of looking for accounts takes."""


class IndexLost(msgspec.Struct, frozen=True):
    """The text index is empty, such as in a store that was moved, and is to be made anew."""


class Indexing:
    """The functions that follow what is published, deleted, and consented to."""

    def __init__(self, graph: Graph, engine: Engine) -> None:
        self._graph = graph
        self._engine = engine

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called for public posts that there is something to find of."""
        low = Criticality.LOW
        listen = Listening(functions, events)
        listen.to(
            PostPublished,
            self._published,
            name="search.index_post",
            when=lambda event: bool(event.flags & IS_PUBLIC and (event.tags or event.indexable)),
            criticality=low,
            deadline=600.0,
        )
        listen.to(
            PostEdited,
            self._edited,
            name="search.index_edit",
            when=lambda event: bool(event.flags & IS_PUBLIC),
            criticality=low,
            deadline=600.0,
        )
        listen.to(
            PostDeleted,
            self._deleted,
            name="search.forget_post",
            when=lambda event: bool(event.flags & IS_PUBLIC),
            criticality=low,
            deadline=600.0,
        )
        listen.to(ConsentChanged, self._consent, name="search.index_account", criticality=low, deadline=3_600.0)
        listen.to(IndexLost, self._everyone, name="search.index_everyone", criticality=low, deadline=3_600.0)

    async def _published(self, call: Call[PostPublished]) -> Outcome:
        return await self._index(call.arguments.post, text=call.arguments.indexable)

    async def _edited(self, call: Call[PostEdited]) -> Outcome:
        return await self._index(call.arguments.post, text=True)

    async def _index(self, id_: int, *, text: bool) -> Outcome:
        """Make a post found by what it says now: by its hashtags, and, with consent, by its `text`."""
        post = await self._graph.get(POST, id_)
        if post is None:
            return Done()
        if text and await self._consents(post.value.author):
            await self._engine.text_write(POSTS, [document_of(post.id, post.value)])
        write = await self._claims(post)
        return Done(write.batch() if write.operations else None)

    async def _claims(self, post: Entry[Post]) -> Write:
        """Names for those of the post's hashtags that have none; whoever is second starts again and finds them."""
        wanted = {hashtag_name(tag): tag for tag in post.value.tags}
        known = await self._graph.names(list(wanted)) if wanted else {}
        write = self._graph.write(post.id)
        for name, tag in wanted.items():
            if name not in known:
                write.claim(name, tag_id(tag))
        return write

    async def _deleted(self, call: Call[PostDeleted]) -> Outcome:
        await self._engine.text_write(POSTS, [TextDocument(call.arguments.post, None)])
        return Done()

    async def _consent(self, call: Call[ConsentChanged]) -> Outcome:
        """Put an account's public posts into the index, or take them out, a hundred at a time from the newest on."""
        account = call.arguments.account
        consents = await self._consents(account)
        rows = await self._graph.range(
            account,
            POSTED,
            before=None if call.checkpoint is None else (int(call.checkpoint), 0),
            limit=AT_ONCE,
            mask=IS_PUBLIC | REPOST,
            match=IS_PUBLIC,
        )
        if not rows:
            return Done()
        posts = await self._graph.get_many(POST, [row.target for row in rows]) if consents else {}
        documents = [
            document_of(row.target, posts[row.target].value) if row.target in posts else TextDocument(row.target, None)
            for row in rows
        ]
        await self._engine.text_write(POSTS, documents)
        return Checkpoint(str(rows[-1].order)) if len(rows) == AT_ONCE else Done()

    async def _everyone(self, call: Call[IndexLost]) -> Outcome:
        """Have every account indexed that agreed to it, a page of all objects at a time."""
        after = None if call.checkpoint is None else tuple(msgspec.json.decode(call.checkpoint))
        page = await self._engine.scan(Table.OBJECTS, shard=None, after=after, limit=SCANNED)
        write = self._graph.write(call.id)
        for id_, type_, _, data in page.rows:
            if type_ == ACCOUNT.number and ACCOUNT.decode(str(data)).indexable:
                write.emit(ConsentChanged(account=int(str(id_))))
        batch = write.batch() if write.operations else None
        if page.after is None:
            return Done(batch)
        return Checkpoint(msgspec.json.encode(page.after).decode(), batch)

    async def _consents(self, author: int) -> bool:
        account = await self._graph.get(ACCOUNT, author)
        return account is not None and account.value.indexable


def document_of(id_: int, post: Post) -> TextDocument:
    """What the text index holds of a post whose author agreed to that."""
    if post.visibility != PUBLIC:
        return TextDocument(id_, None)
    return TextDocument(id_, f"{post.spoiler_text}\n{post.text}", order=id_, filters=(author_filter(post.author),))
