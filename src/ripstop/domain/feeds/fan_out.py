"""Pushing posts to home lists, and the authors for whom that is not done.

A post or repost is pushed by one call, to those home lists that exist. An author with `LARGE_FROM` followers becomes
*large*: its posts are merged at read. Below `SMALL_BELOW` pushing is resumed, and once the author has posted one cap
length more, so that no list reaches back to what was not pushed, it is small again.
"""

from typing import NamedTuple

from ripstop.domain.feeds.model import (
    HOME,
    LARGE,
    LARGE_AUTHORS,
    LARGE_FROM,
    LARGE_ROOT,
    MOST_LARGE,
    NEWEST,
    SMALL_BELOW,
    LargeData,
)
from ripstop.domain.follows.events import Followed
from ripstop.domain.follows.model import FOLLOWED_BY
from ripstop.domain.follows.queries import MOST_FOLLOWERS_HELD
from ripstop.domain.posts.actions import do_unrepost
from ripstop.domain.posts.events import PostPublished, PostReposted
from ripstop.domain.posts.model import IS_DIRECT, POST, POSTED
from ripstop.engines.base import MAX_ORDER, Cursor, Direction, Engine
from ripstop.engines.batch import Batch
from ripstop.engines.derived import Entry, ListFill, ListPush
from ripstop.machinery.functions import Call, Done, Functions, Outcome
from ripstop.machinery.graph import Events, Graph, Listening, TypeSet

PUBLISHED, REPOSTED, BACKFILL = "feeds.fan_out_post", "feeds.fan_out_repost", "feeds.backfill"

FOLLOWERS_AT_ONCE = 2_000
"""Followers that one engine call reads and one write serves."""
REACH = TypeSet(FOLLOWED_BY)


class FanOut:
    """The functions that keep home lists."""

    def __init__(self, graph: Graph, engine: Engine) -> None:
        self._graph = graph
        self._engine = engine

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions and subscribe them.

        Must be the first subscriber of all three: the low-water marks lean on its calls having the lowest ids.
        """
        listen = Listening(functions, events)
        listen.to(PostPublished, self.fan_out_post, name=PUBLISHED, deadline=5.0)
        listen.to(PostReposted, self.fan_out_repost, name=REPOSTED, deadline=5.0)
        listen.to(Followed, self.backfill, name=BACKFILL, deadline=5.0)

    async def fan_out_post(self, call: Call[PostPublished]) -> Outcome:
        """Push a post to its author and its author's followers; a direct one to its author alone."""
        post = call.arguments
        if post.flags & IS_DIRECT:
            await self._push([post.author], Entry(post.post, post.author))
            return Done()
        return Done(await self._fan_out(post.author, post.post))

    async def fan_out_repost(self, call: Call[PostReposted]) -> Outcome:
        """Push a repost to those who follow who reposted.

        What it passes on may have been deleted as it was made, which its batch cannot see. Who forgot that post did not
        find the repost then, but here the post is found to be gone; if it goes later, the repost is found.
        """
        repost = call.arguments
        if await self._graph.get(POST, repost.post) is None:
            write = self._graph.write(repost.actor)
            do_unrepost(write, repost.actor, repost.repost, repost.post)
            return Done(write.batch())
        return Done(await self._fan_out(repost.actor, repost.repost))

    async def backfill(self, call: Call[Followed]) -> Outcome:
        """Add what the newly followed posted since the floor of the follower's list, if there is one."""
        follower, followed = call.arguments.follower, call.arguments.followed
        home = await HOME.range(self._engine, follower, limit=1)
        if home is not None:
            rows = await self._graph.range(followed, POSTED, after=(home.floor - 1, MAX_ORDER), limit=HOME.cap)
            if rows:
                entries = [Entry(row.order, followed) for row in rows]
                await self._engine.keyspace_write(HOME.name, [ListFill(follower, MAX_ORDER, entries)])
        return Done()

    async def _fan_out(self, author: int, post: int) -> Batch | None:
        """Push to all followers unless the author is large; the effect, if that changes."""
        followers = (await self._graph.tallies([author], REACH))[author].counts[0].length
        effect = None
        if followers >= SMALL_BELOW or await self._is_large(author):
            pushes, effect = await self._weigh(author, followers)
            if not pushes:
                await self._push([author], Entry(post, author))
                return effect
        entry = Entry(post, author)
        kept = None
        if followers <= MOST_FOLLOWERS_HELD:  # so that the author's next post needs no look
            kept = await self._graph.members(author, FOLLOWED_BY, most=MOST_FOLLOWERS_HELD)
        if kept is not None:
            await self._push([author, *kept], entry)
            return effect
        await self._push([author], entry)
        after: Cursor | None = None
        while True:
            rows = await self._graph.range(
                author, FOLLOWED_BY, after=after, limit=FOLLOWERS_AT_ONCE, direction=Direction.OLDEST_FIRST
            )
            if rows:
                await self._push([row.target for row in rows], entry)
                after = (rows[-1].order, rows[-1].target)
            if len(rows) < FOLLOWERS_AT_ONCE:
                return effect

    async def _is_large(self, author: int) -> bool:
        return author in (await self._graph.members(LARGE_ROOT, LARGE_AUTHORS, most=MOST_LARGE) or ())

    async def _weigh(self, author: int, followers: int) -> tuple[bool, Batch | None]:
        """Whether to push for an author with many followers, and the batch that makes it large or small."""
        write = self._graph.write(author)
        found = await self._graph.find(author, [LARGE], [LARGE_ROOT])
        if not found:
            if followers < LARGE_FROM:
                return True, None
            write.put(LARGE, author, LARGE_ROOT, order=author)
            return False, write.batch()
        data = LargeData.decode(found[0].data)
        if data.pushed_from is None and followers >= SMALL_BELOW:
            return False, None
        posts = (await self._graph.tallies([author], NEWEST))[author].counts[0].length
        if data.pushed_from is None:
            write.put(LARGE, author, LARGE_ROOT, order=author, data=LargeData(pushed_from=posts))
            return True, write.batch()
        if followers >= LARGE_FROM:
            write.put(LARGE, author, LARGE_ROOT, order=author)
            return False, write.batch()
        if posts < data.pushed_from + HOME.cap:
            return True, None
        write.remove(LARGE, author, LARGE_ROOT)
        return True, write.batch()

    async def _push(self, keys: list[int], entry: Entry) -> None:
        await self._engine.keyspace_write(HOME.name, [ListPush(keys, entry)])


class Marks(NamedTuple):
    """Ids of the oldest unfinished calls; None where there is none."""

    fan_out: int | None
    """Every post with a lower id has been pushed."""
    backfill: int | None
    """Every follow with a lower id has been backfilled."""


class LowWater:
    """The low-water marks of the functions that keep home lists.

    An old mark is right as well, since marks only rise while calls are unfinished: the reader merges a little more.
    It is read anew after `EVERY` seconds. That nothing was unfinished holds only until somebody commits.
    """

    EVERY = 0.005

    def __init__(self, graph: Graph, engine: Engine) -> None:
        self._graph = graph
        self._engine = engine
        self._clock = graph.clock
        self._read_at = float("-inf")
        self._read_with = -1
        self._marks = Marks(None, None)

    async def read(self) -> Marks:
        """The marks as of the last `Graph.sync`, or older ones."""
        now = self._clock.monotonic()
        known = None not in self._marks or self._read_with == self._graph.cursor
        if not known or now - self._read_at >= self.EVERY:
            self._read_at = now
            self._read_with = self._graph.cursor
            oldest = {
                name: row.oldest
                for name, row in (await self._engine.call_stats((PUBLISHED, REPOSTED, BACKFILL))).items()
                if row.oldest is not None
            }
            pushes = [oldest[name] for name in (PUBLISHED, REPOSTED) if name in oldest]
            self._marks = Marks(min(pushes, default=None), oldest.get(BACKFILL))
        return self._marks
