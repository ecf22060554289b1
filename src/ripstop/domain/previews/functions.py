"""Looking at what posts link to, in the background."""

import asyncio
import math
from urllib.parse import urlsplit

import msgspec

from ripstop.domain.media.actions import Images
from ripstop.domain.media.model import CARD, IMAGE, Image
from ripstop.domain.posts.draft import carded, first_link
from ripstop.domain.posts.events import CardShown, PostLinked
from ripstop.domain.posts.model import POST, Card, CardPicture, Post
from ripstop.domain.previews.model import PREVIEW, Preview, preview_name
from ripstop.domain.previews.page import MOST_BYTES, Found, read_page
from ripstop.domain.text import scan
from ripstop.engines.base import Criticality, Lane
from ripstop.engines.common import name_shard
from ripstop.kernel.errors import Invalid, Unavailable
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome, Pressure, Retry, SlowStart
from ripstop.machinery.graph import Entry, Events, Graph, Refused, Write
from ripstop.machinery.outbound import Outbound, TooMuch, Unreachable
from ripstop.machinery.outbound import Refused as NotAsked

PAGES = frozenset({"text/html", "application/xhtml+xml"})
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
MOST_PICTURE = 4 << 20
"""Bytes of a page's picture."""
TRIES = 3
"""How often a page is asked for that does not answer."""


class Previews:
    """Has each post show what its first link leads to. A page is asked for once, whoever links to it.

    Calls are those of the host that they ask, each of which has a circuit: while one does not answer, all that link
    there wait, and nobody else. There is no bound on how fast they grow altogether, since what they lean on is many.

    :param outbound: asks for pages; None: nothing is asked, and no post shows a card.
    :param origin: the public URL of this server, without a slash at the end.
    """

    def __init__(self, graph: Graph, images: Images, outbound: Outbound | None, *, origin: str) -> None:
        self._graph = graph
        self._images = images
        self._outbound = outbound
        self._origin = origin
        self._under_way: dict[str, asyncio.Future[Card | None]] = {}

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the function, and have it called."""
        show = Function(
            name="previews.show",
            arguments=PostLinked,
            handler=self._show,
            criticality=Criticality.LOW,
            deadline=60.0,
            attempts=TRIES,
            backoff_base=30.0,
            time_limit=60.0,
            concurrency=10,
            circuit=True,
            slow_start=SlowStart(growth=math.inf),
        )
        functions.declare(show)
        if self._outbound is not None:
            events.durable(PostLinked, show, namespace=_host)

    async def _show(self, call: Call[PostLinked]) -> Outcome:
        graph, link = self._graph, call.arguments.link
        post = await graph.get(POST, call.arguments.post)
        if self._outbound is None or not self._shows(post, link):
            return Done()
        is_last = call.attempt >= TRIES
        try:
            card = await self._look(self._outbound, link, is_last=is_last)
        except Unreachable as error:
            raise Pressure(str(error), outcome=Done() if is_last else Retry(str(error))) from error
        await graph.sync()
        post = await graph.get(POST, call.arguments.post)
        if card is None or post is None or not self._shows(post, link) or post.value.card == card:
            return Done()
        write = graph.write(post.id)
        write.patch(POST, post.id, version=post.version, card=card)
        write.emit(CardShown(post=post.id, author=post.value.author, flags=post.value.flags))
        return Done(write.batch(), write.live)

    def _shows(self, post: Entry[Post] | None, link: str) -> bool:
        """Whether a post is there, and still begins its links with this one."""
        return post is not None and carded(post.value, first_link(scan(post.value.text), self._origin)) == link

    async def _look(self, outbound: Outbound, link: str, *, is_last: bool) -> Card | None:
        """What is known of a link, or can be found out now; at one time once in this process.

        :raises Unreachable: the page did not answer, and may another time.
        """
        known = await self._known(link)
        if known is not None and known.value.is_fresh(self._graph.now_ms()):
            return known.value.card
        waiting = self._under_way.get(link)
        if waiting is not None:
            return await asyncio.shield(waiting)
        future = self._under_way[link] = asyncio.get_running_loop().create_future()
        try:
            card = await self._ask(outbound, link, known, is_last=is_last)
        except BaseException as error:
            future.set_exception(Unreachable(str(error)))
            future.exception()  # nobody may be waiting for it
            raise
        else:
            future.set_result(card)
            return card
        finally:
            del self._under_way[link]

    async def _known(self, link: str) -> Entry[Preview] | None:
        name = preview_name(link)
        id_ = (await self._graph.names((name,))).get(name)
        return None if id_ is None else await self._graph.get(PREVIEW, id_)

    async def _ask(self, outbound: Outbound, link: str, known: Entry[Preview] | None, *, is_last: bool) -> Card | None:
        """Look at a page, and keep what it says; and that it says nothing, where it was asked for the last time. Two
        commits, and one more for its picture.

        :raises Unreachable: it did not answer, and may another time.
        """
        graph = self._graph
        write = graph.write_in(name_shard(preview_name(link))) if known is None else graph.write(known.id)
        id_ = write.new_id() if known is None else known.id
        try:
            found = await _page(outbound, link)
        except (NotAsked, TooMuch):
            found = None
        except Unreachable:
            if is_last:
                await self._keep(write, known, id_, Preview(link=link, looked_at=graph.now_ms()))
            raise
        card = None if found is None else found.card
        image = None if found is None or not found.picture else await self._picture(outbound, found, id_)
        if card is not None and found is not None and image is not None:
            value = image.value
            picture = CardPicture(value.key, value.large, value.blurhash, found.picture_description)
            card = msgspec.structs.replace(card, picture=picture)
            write.patch(IMAGE, image.id, version=image.version, post=id_)
        return await self._keep(write, known, id_, Preview(link=link, looked_at=graph.now_ms(), card=card))

    async def _keep(self, write: Write, known: Entry[Preview] | None, id_: int, preview: Preview) -> Card | None:
        """Commit what is known of a link now; if somebody else found it out at the same time, that counts."""
        if known is None:
            write.create(PREVIEW, id_, preview)
            write.claim(preview_name(preview.link), id_)
        else:
            write.patch(PREVIEW, id_, version=known.version, looked_at=preview.looked_at, card=preview.card)
        try:
            await self._graph.commit(write, lane=Lane.BACKGROUND)
        except Refused:
            await self._graph.sync()
            other = await self._known(preview.link)
            return None if other is None else other.value.card
        return preview.card

    async def _picture(self, outbound: Outbound, found: Found, owner: int) -> Entry[Image] | None:
        """The picture of a page, made anew; None where there is none that can be shown."""
        try:
            answer = await outbound.get(found.picture, accept="image/*", most_bytes=MOST_PICTURE, kinds=PICTURES)
            if answer.status != 200 or not answer.body:
                return None
            return await self._images.take(owner, answer.body, CARD)
        except (NotAsked, TooMuch, Unreachable, Invalid, Unavailable):
            return None


def _host(event: PostLinked) -> str:
    """Whom a link asks."""
    return urlsplit(event.link).hostname or ""


async def _page(outbound: Outbound, link: str) -> Found | None:
    """What a page says of itself; None if it is none, or says nothing.

    :raises Unreachable: it did not answer, or asks for patience.
    """
    answer = await outbound.get(link, accept="text/html", most_bytes=MOST_BYTES, kinds=PAGES, cut=True)
    if answer.status in (408, 429) or answer.status >= 500:
        raise Unreachable(f"It answers {answer.status}.")
    if answer.status != 200 or answer.kind not in PAGES:
        return None
    return await asyncio.to_thread(read_page, link, answer.url, answer.body, answer.charset)
