"""The live local feed: an event stream of posts, each rendered once per process, however many are watching."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

import msgspec

from ripstop.domain.feeds import Window, local_timeline
from ripstop.domain.moderation.events import TakenDown
from ripstop.domain.posts.events import CardShown, PostDeleted, PostEdited, PostPublished, PostReposted
from ripstop.domain.posts.model import IS_PUBLIC, REPLY, REPLY_TO_SELF
from ripstop.domain.viewing import Place, hydrate, sight_of
from ripstop.kernel.ids import MAX_ID
from ripstop.machinery.bus import Bus, Unsubscribe
from ripstop.machinery.graph import Events, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Stream
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import Shown, show
from ripstop.surfaces.web.pages import Renderer
from ripstop.surfaces.web.watchers import Watchers, chunks_of

log = logging.getLogger(__name__)

LIVE = "/live/local"
PUBLISHED = "local/published"
EDITED = "local/edited"
CARD_SHOWN = "local/card"
DELETED = "local/deleted"
REPOSTED = "local/reposted"

MOST_MISSED = 40
"""Posts that a watcher who comes back is given at once."""
STREAM_HEADERS: Headers = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
]

_decode_published = msgspec.json.Decoder(PostPublished).decode
_decode_edited = msgspec.json.Decoder(PostEdited).decode
_decode_card_shown = msgspec.json.Decoder(CardShown).decode
_decode_deleted = msgspec.json.Decoder(PostDeleted).decode


def announce_posts(events: Events) -> None:
    """Have every process hear of posts that come, change and go."""
    events.live(PostPublished, lambda event: PUBLISHED)
    events.live(PostEdited, lambda event: EDITED)
    events.live(CardShown, lambda event: CARD_SHOWN)
    events.live(PostDeleted, lambda event: DELETED)
    events.live(TakenDown, lambda event: DELETED)  # it says the same, and as much
    events.live(PostReposted, lambda event: REPOSTED)


class LiveParams(msgspec.Struct, kw_only=True):
    """Since which post, where the browser does not say it itself by `Last-Event-ID`."""

    since: Id | None = None


class LiveLocal:
    """Those who watch the local feed in this process, which hears of posts only while there are any."""

    def __init__(self, graph: Graph, bus: Bus, renderer: Renderer) -> None:
        self._graph = graph
        self._bus = bus
        self._renderer = renderer
        self._watchers: Watchers[str] = Watchers(self._listen)
        self._arrived: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        return [Route("GET", LIVE, self.watch, params=LiveParams)]

    async def watch(self, request: Request, params: LiveParams) -> Stream:
        """What was published since, and then whatever is, as it is."""
        self._watchers.check_room(LIVE)
        since = last_event(request)
        return Stream(self._chunks(params.since if since is None else since), headers=STREAM_HEADERS)

    async def _chunks(self, since: int | None) -> AsyncIterator[bytes]:
        queue = self._watchers.join(LIVE)
        try:
            yield b"retry: 3000\n\n"
            if since is not None:
                yield await self._missed(since)
            async for chunk in chunks_of(queue):
                yield chunk
        finally:
            self._watchers.leave(LIVE, queue)

    def _listen(self) -> list[Unsubscribe]:
        return [
            self._bus.subscribe(PUBLISHED, self._on_published),
            self._bus.subscribe(EDITED, self._on_edited),
            self._bus.subscribe(CARD_SHOWN, self._on_card_shown),
            self._bus.subscribe(DELETED, self._on_deleted),
        ]

    async def _missed(self, since: int) -> bytes:
        """What a watcher has not seen, oldest first. It may hear of one twice; the page knows what it shows."""
        page = await local_timeline(self._graph, None, Window(limit=MOST_MISSED, since_id=since))
        posts = await show(self._graph, page.items)
        return b"".join(self._event(post) for post in reversed(posts)) or b":\n\n"

    def _on_published(self, topic: str, payload: bytes) -> None:
        event = _decode_published(payload)
        if _is_listed(event.flags):
            self._arrived[event.post] = "post"
            self._begin_to_tell()

    def _on_edited(self, topic: str, payload: bytes) -> None:
        self._changed(_decode_edited(payload))

    def _on_card_shown(self, topic: str, payload: bytes) -> None:
        self._changed(_decode_card_shown(payload))

    def _changed(self, event: PostEdited | CardShown) -> None:
        if _is_listed(event.flags):
            self._arrived.setdefault(event.post, "edited")
            self._begin_to_tell()

    def _on_deleted(self, topic: str, payload: bytes) -> None:
        event = _decode_deleted(payload)
        if _is_listed(event.flags):
            self._watchers.tell(LIVE, frame("gone", None, {"id": str(event.post)}))

    def _begin_to_tell(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tell_of_arrived())

    async def _tell_of_arrived(self) -> None:
        try:
            while self._arrived:
                arrived, self._arrived = self._arrived, {}
                try:
                    await self._tell_of(arrived)
                except Exception:
                    log.exception("nobody was told of %r", arrived)
        finally:
            self._task = None

    async def _tell_of(self, arrived: Mapping[int, str]) -> None:
        """Render what has arrived or changed, in the order of ids, once for all."""
        graph = self._graph
        await graph.sync()
        items = await hydrate(graph, await sight_of(graph, None), sorted(arrived), Place.PUBLIC)
        for post in await show(graph, items):
            self._watchers.tell(LIVE, self._event(post, arrived[post.id]))

    def _event(self, post: Shown, kind: str = "post") -> bytes:
        """Only what is new moves the place to which a watcher comes back."""
        data = {"id": str(post.id), "html": self._renderer.post(post)}
        return frame(kind, post.id if kind == "post" else None, data)


def _is_listed(flags: int) -> bool:
    """Whether a post with these flags stands in the local feed."""
    return bool(flags & IS_PUBLIC) and (not flags & REPLY or bool(flags & REPLY_TO_SELF))


def last_event(request: Request) -> int | None:
    """The last event that the browser saw before it lost the connection."""
    last = request.header("last-event-id") or ""
    if not last.isascii() or not last.isdigit() or len(last) > 19:
        return None
    return min(int(last), MAX_ID)


def frame(kind: str, id_: int | None, data: dict[str, str]) -> bytes:
    """One event in the format of HTML's section 9.2.5; JSON holds no line end."""
    head = f"event: {kind}\n" if id_ is None else f"event: {kind}\nid: {id_}\n"
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"
