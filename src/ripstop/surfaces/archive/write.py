"""Writes the archive: a ZIP file, page by page, so that memory does not grow with what somebody wrote.

actor.json, outbox.json, likes.json, bookmarks.json    ActivityStreams 2.0
media/                                                 every picture that these name
following_accounts.csv, followers.csv, lists.csv, muted_accounts.csv, blocked_accounts.csv, blocked_domains.csv,
bookmarks.csv                                          as Mastodon exports and imports them
"""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.follows.domains import BlockedDomain
from ripstop.domain.follows.lists import lists_of
from ripstop.domain.follows.model import (
    BLOCKS,
    BLOCKS_DOMAIN,
    FOLLOWED_BY,
    FOLLOWS,
    LISTS_MEMBER,
    MUTES,
    MUTES_NOTIFICATIONS,
    NO_REPOSTS,
    NOTIFY,
    FollowData,
    List,
)
from ripstop.domain.media.model import LARGE, blob_name
from ripstop.domain.posts.model import BOOKMARKED, LIKED, POST, POSTED, Post
from ripstop.engines import base
from ripstop.engines.base import Direction
from ripstop.engines.blobs import BlobStore
from ripstop.kernel.errors import RipstopError
from ripstop.machinery.graph import Association, Entry, Graph
from ripstop.surfaces.archive.activities import CONTEXT, Addresses, activity, actor, media_file

_PAGE = 100
_PIECE = 64 << 10
"""Bytes of a piece of a stream, about."""

Written = AsyncGenerator[None, None]
"""Something that is being written: each step is a moment at which to look at what there is already."""


async def stream_archive(
    graph: Graph, blobs: BlobStore, account: Entry[Account], *, origin: str
) -> AsyncIterator[bytes]:
    """The same file in pieces, each made when the one before it was taken."""
    pipe = _Pipe()
    with zipfile.ZipFile(cast(IO[bytes], pipe), "w", zipfile.ZIP_DEFLATED) as archive:
        async with aclosing(_Archive(graph, blobs, account, Addresses(origin), archive).write()) as steps:
            async for _ in steps:
                if piece := pipe.take(least=_PIECE):
                    yield piece
    yield pipe.take()


async def write_archive(graph: Graph, blobs: BlobStore, account: Entry[Account], *, origin: str, target: Path) -> None:
    """Write all that is an account's own into a new file.

    :param origin: the public URL of the server.
    :raises RipstopError: the file is there already, or cannot be written.
    """
    with _appearing(target) as archive:
        async for _ in _Archive(graph, blobs, account, Addresses(origin), archive).write():
            pass


@contextmanager
def _appearing(target: Path) -> Iterator[zipfile.ZipFile]:
    """A new file, which is there once it is whole."""
    part = target.with_name(target.name + ".part")
    if target.exists():
        raise RipstopError(f"{target} is there already, and is not written over.")
    try:
        with part.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            yield archive
        part.rename(target)
    except OSError as error:
        raise RipstopError(f"The archive cannot be written: {part}: {error.strerror}.", cause=error) from error
    finally:
        part.unlink(missing_ok=True)


class _Pipe(io.RawIOBase):
    """A file that is taken away while it is written."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self, *, least: int = 0) -> bytes:
        """What was written since the last time, if it is as much as that; else nothing."""
        if len(self._held) < least:
            return b""
        taken = bytes(self._held)
        self._held.clear()
        return taken


class _Archive:
    """One archive while it is written."""

    def __init__(
        self, graph: Graph, blobs: BlobStore, account: Entry[Account], at: Addresses, archive: zipfile.ZipFile
    ) -> None:
        self._graph = graph
        self._blobs = blobs
        self._account = account
        self._at = at
        self._archive = archive
        self._keys: dict[str, None] = {}
        """Of the pictures to be added, in the order in which they are named."""

    async def write(self) -> Written:
        account = self._account.value
        for picture in (account.avatar, account.header):
            if picture is not None and picture.key:
                self._keys[picture.key] = None
        self._archive.writestr("actor.json", msgspec.json.format(msgspec.json.encode(actor(account, self._at))))
        for part in (
            self._collection("outbox.json", self._activities()),
            self._collection("likes.json", self._addresses(LIKED)),
            self._collection("bookmarks.json", self._addresses(BOOKMARKED)),
            *self._people(),
        ):
            async with aclosing(part):
                async for _ in part:
                    yield
        for key in self._keys:
            data = await self._blobs.get(blob_name(key, LARGE))
            if data is not None:
                self._archive.writestr(zipfile.ZipInfo(media_file(key)), data)  # they are compressed already
            yield

    async def _pages(
        self, association: Association, source: int | None = None
    ) -> AsyncIterator[list[base.Association]]:
        """A list from its beginning, in pages."""
        after = None
        while rows := await self._graph.range(
            source or self._account.id, association, after=after, limit=_PAGE, direction=Direction.OLDEST_FIRST
        ):
            yield rows
            after = (rows[-1].order, rows[-1].target)
            await asyncio.sleep(0)  # others have their turn, however quickly the store answers

    async def _collection(self, name: str, items: AsyncIterator[object]) -> Written:
        """An ordered collection, written as it comes."""
        head = {"@context": CONTEXT, "id": name, "type": "OrderedCollection"}
        count = 0
        with self._archive.open(name, "w", force_zip64=True) as file:
            file.write(msgspec.json.encode(head)[:-1] + b',"orderedItems":[')
            async for item in items:
                file.write((b",\n" if count else b"\n") + msgspec.json.encode(item))
                count += 1
                yield
            file.write(b'\n],"totalItems":%d}\n' % count)

    async def _activities(self) -> AsyncIterator[object]:
        """What the account posted and passed on, oldest first."""
        author = self._account.value.acct
        async for rows in self._pages(POSTED):
            found = await self._graph.get_many(POST, [row.target for row in rows])
            posts = [found[row.target] for row in rows if row.target in found]
            named = [one for post in posts for one in (post.value.in_reply_to, post.value.repost_of) if one is not None]
            acct_of = await self._authors(named)
            for post in posts:
                self._keys.update((attachment.key, None) for attachment in post.value.media)
                yield activity(post, author, self._at, acct_of)

    async def _addresses(self, association: Association) -> AsyncIterator[str]:
        """Where the posts of a list are, as far as they are there."""
        async for rows in self._pages(association):
            acct_of = await self._authors([row.target for row in rows])
            for row in rows:
                if row.target in acct_of:
                    yield self._at.post(acct_of[row.target], row.target)

    async def _authors(self, posts: Sequence[int]) -> dict[int, str]:
        """By post, what its author is called."""
        found: dict[int, Entry[Post]] = await self._graph.get_many(POST, posts)
        accts = await self._accts(post.value.author for post in found.values())
        return {id_: accts[post.value.author] for id_, post in found.items() if post.value.author in accts}

    async def _accts(self, accounts: Iterable[int]) -> dict[int, str]:
        found = await self._graph.get_many(ACCOUNT, dict.fromkeys(accounts))
        return {id_: account.value.acct for id_, account in found.items()}

    # Tables

    def _people(self) -> list[Written]:
        at = ["Account address"]
        follows = (
            [handle, _is(not row.flags & NO_REPOSTS), _is(bool(row.flags & NOTIFY)), _languages(row)]
            async for row, handle in self._named(FOLLOWS)
        )
        mutes = ([handle, _is(bool(row.flags & MUTES_NOTIFICATIONS))] async for row, handle in self._named(MUTES))
        lists = (
            [entry.value.title, handle]
            async for entry in self._lists()
            async for _, handle in self._named(LISTS_MEMBER, entry.id)
        )
        domains = (
            [msgspec.json.decode(row.data or "", type=BlockedDomain).name]
            async for rows in self._pages(BLOCKS_DOMAIN)
            for row in rows
        )
        return [
            self._table("following_accounts", follows, [*at, "Show boosts", "Notify on new posts", "Languages"]),
            self._table("followers", ([handle] async for _, handle in self._named(FOLLOWED_BY)), at),
            self._table("lists", lists),
            self._table("muted_accounts", mutes, [*at, "Hide notifications"]),
            self._table("blocked_accounts", ([handle] async for _, handle in self._named(BLOCKS))),
            self._table("blocked_domains", domains),
            self._table("bookmarks", ([address] async for address in self._addresses(BOOKMARKED))),
        ]

    async def _lists(self) -> AsyncIterator[Entry[List]]:
        for entry in await lists_of(self._graph, self._account.id):
            yield entry

    async def _table(self, name: str, lines: AsyncIterator[list[str]], head: Sequence[str] = ()) -> Written:
        """A table, written as it comes."""
        with (
            self._archive.open(f"{name}.csv", "w", force_zip64=True) as file,
            io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
        ):
            table = csv.writer(text, lineterminator="\n")
            if head:
                table.writerow(head)
            async for line in lines:
                table.writerow(line)
                yield

    async def _named(
        self, association: Association, source: int | None = None
    ) -> AsyncIterator[tuple[base.Association, str]]:
        """A list of people with what they are called."""
        async for rows in self._pages(association, source):
            accts = await self._accts(row.target for row in rows)
            for row in rows:
                if row.target in accts:
                    yield row, self._at.handle(accts[row.target])


def _is(value: bool) -> str:
    return "true" if value else "false"


def _languages(row: base.Association) -> str:
    return ", ".join(msgspec.json.decode(row.data, type=FollowData).languages) if row.data else ""
