"""Everybody who listens in this process, and what they are told.

Whatever happens comes over the bus and is worked off in turn: found, judged for each listener by the rules of viewing
as of now, rendered once, and handed out. The process hears of it only while somebody listens.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from ripstop.domain.accounts.events import AccountDeleted, ShutOut
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.conversations.events import ConversationChanged
from ripstop.domain.conversations.queries import access_conversation
from ripstop.domain.follows.events import Followed, MembersChanged, Unfollowed
from ripstop.domain.follows.lists import access_list
from ripstop.domain.moderation.events import TakenDown
from ripstop.domain.notifications.events import Merged, Notified
from ripstop.domain.notifications.queries import access_notification
from ripstop.domain.posts.events import (
    CardShown,
    PostDeleted,
    PostEdited,
    PostPublished,
    PostReposted,
    PostUnreposted,
    QuoteEnded,
)
from ripstop.domain.posts.model import IS_DIRECT, IS_PUBLIC, POST, REPOST
from ripstop.domain.streams import Following, Kind, Stream, allowed, public_streams
from ripstop.domain.viewing import Place, Seen, filters_of, sight_of
from ripstop.domain.viewing.events import FiltersChanged
from ripstop.domain.viewing.quotes import quotes_alike
from ripstop.kernel.errors import NotFound, Overloaded, TooManyRequests
from ripstop.machinery.bus import Bus, Unsubscribe
from ripstop.machinery.graph import Events, Graph
from ripstop.surfaces.http.auth import Authenticate
from ripstop.surfaces.mastodon.present.conversation import ConversationPresenter
from ripstop.surfaces.mastodon.present.notification import NotificationPresenter
from ripstop.surfaces.mastodon.present.status import StatusPresenter
from ripstop.surfaces.streaming.listener import MOST_STREAMS, Listener
from ripstop.surfaces.streaming.news import News

log = logging.getLogger(__name__)

EVENTS = (
    PostPublished,
    PostEdited,
    CardShown,
    PostDeleted,
    TakenDown,
    PostReposted,
    PostUnreposted,
    QuoteEnded,
    Followed,
    Unfollowed,
    MembersChanged,
    Notified,
    Merged,
    ConversationChanged,
    FiltersChanged,
    ShutOut,
    AccountDeleted,
)

MOST_LISTENERS = 20_000
"""Connections of one process."""
MOST_OF_ONE = 32
"""Connections of one account in one process."""
MOST_ARRIVED = 10_000
"""Events that wait to be worked off; beyond, the oldest are lost, as the bus may lose them."""
ROUNDS = 10
"""Each second one tenth of the connections is looked after: their tokens, heartbeats, and whom they follow."""
AT_ONCE = 200
"""Listeners that are told before other work has its turn."""


def announce(events: Events) -> None:
    """Have every process hear of what listeners may be told."""
    for event in EVENTS:
        events.live(event, lambda happened: topic_of(type(happened)))


def topic_of(event: type[msgspec.Struct]) -> str:
    """Where the bus brings it."""
    return f"streams/{event.__name__}"


class Hub:
    """The listeners of one process."""

    def __init__(
        self,
        graph: Graph,
        bus: Bus,
        authenticate: Authenticate,
        statuses: StatusPresenter,
        notifications: NotificationPresenter,
        conversations: ConversationPresenter,
    ) -> None:
        self._graph = graph
        self._bus = bus
        self._authenticate = authenticate
        self._statuses = statuses
        self._notifications = notifications
        self._conversations = conversations
        self._following = Following(graph)
        self._listening: dict[Stream, set[Listener]] = {}
        self._rounds: list[set[Listener]] = [set() for _ in range(ROUNDS)]
        self._of_account: dict[int, int] = {}
        self._count = 0
        self._subscriptions: list[Unsubscribe] = []
        self._arrived: deque[msgspec.Struct] = deque(maxlen=MOST_ARRIVED)
        self._telling: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._handlers: dict[type[msgspec.Struct], Callable[..., Awaitable[None]]] = {
            PostPublished: self._published,
            PostEdited: self._edited,
            CardShown: self._card_shown,
            PostDeleted: self._deleted,
            TakenDown: self._taken_down,
            PostReposted: self._reposted,
            PostUnreposted: self._unreposted,
            QuoteEnded: self._quote_ended,
            Followed: self._edge_changed,
            Unfollowed: self._edge_changed,
            MembersChanged: self._members_changed,
            Notified: self._notified,
            Merged: self._merged,
            ConversationChanged: self._conversation_changed,
            FiltersChanged: self._filters_changed,
            ShutOut: self._shut_out,
            AccountDeleted: self._shut_out,
        }

    # Listeners

    def check_room(self, account: int) -> None:
        """Return if one more may listen.

        :raises TooManyRequests: the account has as many connections as it may have.
        :raises Overloaded: the process has.
        """
        if self._of_account.get(account, 0) >= MOST_OF_ONE:
            raise TooManyRequests("Too many streams are open", retry_after=60.0)
        if self._count >= MOST_LISTENERS:
            raise Overloaded("The server is very busy. Please try again in a moment.", retry_after=10.0)

    def enter(self, listener: Listener) -> None:
        """Begin to look after a connection."""
        self._count += 1
        self._of_account[listener.viewer] = self._of_account.get(listener.viewer, 0) + 1
        min(self._rounds, key=len).add(listener)
        if not self._subscriptions:
            self._subscriptions = [
                self._bus.subscribe(topic_of(event), self._receive(msgspec.json.Decoder(event))) for event in EVENTS
            ]
        if self._keeping is None:
            self._keeping = asyncio.get_running_loop().create_task(self._keep())

    def leave(self, listener: Listener) -> None:
        """The connection is gone."""
        for stream in tuple(listener.streams):
            self.unsubscribe(listener, stream)
        for one in self._rounds:
            one.discard(listener)
        self._count -= 1
        left = self._of_account.pop(listener.viewer) - 1
        if left:
            self._of_account[listener.viewer] = left
        if not self._count:
            for unsubscribe in self._subscriptions:
                unsubscribe()
            self._subscriptions = []
            if self._keeping is not None:
                self._keeping.cancel()
                self._keeping = None

    async def check_own(self, account: int, stream: Stream) -> None:
        """Return if the stream is none of somebody else's list. At most one engine call.

        :raises NotFound: there is no such list, or it is somebody else's.
        """
        if stream.kind is Kind.LIST:
            assert isinstance(stream.of, int)
            await access_list(self._graph, account, stream.of)

    async def subscribe(self, listener: Listener, stream: Stream) -> None:
        """Bring it what the stream brings.

        :raises TooManyRequests: it has as many streams as it may have.
        :raises NotFound: it is of a list that is not there, or somebody else's.
        """
        if len(listener.streams) >= MOST_STREAMS:
            raise TooManyRequests("Too many streams on one connection")
        if stream.kind.follows:
            await self._graph.sync()
            await self.check_own(listener.viewer, stream)
            self._following.join(stream)
        listener.streams.add(stream)
        self._listening.setdefault(stream, set()).add(listener)
        await self._following.refresh(stream)

    def unsubscribe(self, listener: Listener, stream: Stream) -> None:
        """Bring it that no more. One that it does not have is no error."""
        listener.streams.discard(stream)
        listeners = self._listening.get(stream)
        if listeners is None:
            return
        listeners.discard(listener)
        if not listeners:
            del self._listening[stream]
            self._following.leave(stream)

    async def _keep(self) -> None:
        """Look after one tenth of the connections each second."""
        while True:
            for one in self._rounds:
                await asyncio.sleep(10.0 / ROUNDS)
                try:
                    await self._graph.sync()
                    for listener in tuple(one):
                        await self._look_after(listener)
                except Exception:
                    log.exception("some streams were not looked after")

    async def _look_after(self, listener: Listener) -> None:
        bearer = await self._authenticate(listener.secret)
        if bearer is None or bearer.account != listener.viewer:
            listener.dismiss()
            return
        listener.beat()
        for stream in tuple(listener.streams):
            await self._following.refresh(stream)

    # What happens

    def _receive(self, decoder: "msgspec.json.Decoder[msgspec.Struct]") -> Callable[[str, bytes], None]:
        def receive(topic: str, payload: bytes) -> None:
            self._arrived.append(decoder.decode(payload))
            if self._telling is None:
                self._telling = asyncio.get_running_loop().create_task(self._tell_of_arrived())

        return receive

    async def _tell_of_arrived(self) -> None:
        try:
            while self._arrived:
                event = self._arrived.popleft()
                try:
                    await self._graph.sync()
                    await self._handlers[type(event)](event)
                except Exception:
                    log.exception("nobody was told of %r", event)
        finally:
            self._telling = None

    async def _published(self, event: PostPublished) -> None:
        await self._tell_post_where_it_stands(event.post, event.flags, "update")

    async def _edited(self, event: PostEdited) -> None:
        """Whom a direct post names no more is told that it is gone."""
        await self._tell_post_where_it_stands(event.post, event.flags, "status.update")
        if event.flags & IS_DIRECT:
            self._tell_gone(event.post, await self._homes_of([account for account, _ in event.dropped], event.author))

    async def _card_shown(self, event: CardShown) -> None:
        await self._tell_post_where_it_stands(event.post, event.flags, "status.update")

    async def _reposted(self, event: PostReposted) -> None:
        await self._tell_post(event.repost, await self._reached(event.actor, event.flags))

    async def _deleted(self, event: PostDeleted) -> None:
        reached = await self._reached(event.author, event.flags, event.tags)
        self._tell_gone(event.post, {*reached, *await self._homes_of(event.mentions, event.author)})

    async def _taken_down(self, event: TakenDown) -> None:
        """As if it were deleted, to all but its author, who is shown it still."""
        streams = {*await self._reached(event.author, event.flags, event.tags)}
        homes = await self._homes_of(event.mentions, event.author)
        self._tell_gone(event.post, {*streams, *homes} - {Stream(Kind.HOME, event.author)}, but=event.author)

    async def _unreposted(self, event: PostUnreposted) -> None:
        self._tell_gone(event.repost, await self._reached(event.actor, REPOST))

    async def _quote_ended(self, event: QuoteEnded) -> None:
        """Unless it was deleted, the post quotes nothing any more."""
        post = await self._graph.get(POST, event.quoting)
        if post is not None:
            await self._tell_post_where_it_stands(event.quoting, post.value.flags, "status.update")

    async def _edge_changed(self, event: Followed | Unfollowed) -> None:
        await self._following.refresh(Stream(Kind.HOME, event.follower))

    async def _members_changed(self, event: MembersChanged) -> None:
        await self._following.refresh(Stream(Kind.LIST, event.list))

    async def _filters_changed(self, event: FiltersChanged) -> None:
        stream = Stream(Kind.HOME, event.account)
        news = News("filters_changed")
        for listener in tuple(self._listening.get(stream, ())):
            listener.tell(stream, news)

    async def _shut_out(self, event: ShutOut | AccountDeleted) -> None:
        """Let go of those who are shut out. Where it is not heard, their tokens tell it, within ten seconds."""
        for one in self._rounds:
            for listener in tuple(one):
                if listener.viewer == event.account:
                    listener.dismiss()

    async def _notified(self, event: Notified) -> None:
        account = event.account
        listeners = self._told(account)
        if not listeners:
            return
        try:
            item = await access_notification(self._graph, account, event.notification)
        except NotFound:  # taken back, or hidden, meanwhile
            return
        for rendered in await self._notifications.render(account, [item]):
            news = News("notification", rendered)
            for stream, listener in listeners:
                if stream in listener.streams:
                    listener.tell(stream, news)

    async def _merged(self, event: Merged) -> None:
        news = News("notifications_merged")
        for stream, listener in self._told(event.account):
            listener.tell(stream, news)

    def _told(self, account: int) -> list[tuple[Stream, Listener]]:
        """Those who hear what an account is told, each with the stream that brings it."""
        return [
            (stream, listener)
            for stream in (Stream(Kind.HOME, account), Stream(Kind.TOLD, account))
            for listener in self._listening.get(stream, ())
            if listener.hears_notifications
        ]

    async def _conversation_changed(self, event: ConversationChanged) -> None:
        viewer, stream = event.account, Stream(Kind.DIRECT, event.account)
        if not self._listening.get(stream):
            return
        try:
            item = await access_conversation(self._graph, viewer, event.conversation, place=Place.PUBLIC)
        except NotFound:  # hidden, or removed, meanwhile
            return
        for rendered in await self._conversations.render(viewer, [item]):
            news = News("conversation", rendered)
            for listener in tuple(self._listening.get(stream, ())):
                listener.tell(stream, news)

    async def _reached(self, author: int, flags: int, tags: Iterable[str] = ()) -> list[Stream]:
        """The streams that something by this author may reach. Those whom a direct post names hear of it as a
        conversation."""
        own = Stream(Kind.HOME, author)
        if flags & IS_DIRECT:
            return [own]
        streams = {own} | self._following.of(author, tags if flags & IS_PUBLIC else ())
        return [*public_streams(flags, tags, local=await self._is_local(author)), *streams]

    async def _homes_of(self, accounts: Iterable[int], author: int) -> list[Stream]:
        """The homes of people whom a post named: they know of it, but those whom its author blocks."""
        homes = [(account, Stream(Kind.HOME, account)) for account in accounts]
        return [
            home
            for account, home in homes
            if home in self._listening and author not in (await sight_of(self._graph, account)).blocked_by
        ]

    async def _is_local(self, author: int) -> bool:
        account = await self._graph.get(ACCOUNT, author)
        return account is None or not account.value.domain

    async def _tell_post_where_it_stands(self, id_: int, flags: int, event: str) -> None:
        post = await self._graph.get(POST, id_)
        if post is not None:
            await self._tell_post(id_, await self._reached(post.value.author, flags, post.value.tags), event)

    async def _is_shown_apart(self, viewer: int, item: Seen) -> bool:
        """Whether a listener is shown a post otherwise than everybody: filters may warn of it, and what it quotes may
        not be for them.
        """
        if await filters_of(self._graph, viewer):
            return True
        return not await quotes_alike(self._graph, viewer, item.meant)

    async def _tell_post(self, post: int, streams: Iterable[Stream], event: str = "update") -> None:
        """Tell of a post or repost those listeners who may see it."""
        rendered: dict[int | None, News] = {}
        told = 0
        for stream in streams:
            for listener in tuple(self._listening.get(stream, ())):
                told += 1
                if told % AT_ONCE == 0:
                    await asyncio.sleep(0)
                    await self._graph.sync()
                seen = await allowed(self._graph, listener.viewer, post, stream)
                if seen is None:
                    continue
                viewer = listener.viewer if await self._is_shown_apart(listener.viewer, seen) else None
                news = rendered.get(viewer)
                if news is None:
                    status = (await self._statuses.render_each(viewer, [seen])).get(post)
                    if status is None:  # its author is gone
                        return
                    news = rendered[viewer] = News(event, status)
                if stream in listener.streams:
                    listener.tell(stream, news)

    def _tell_gone(self, post: int, streams: Iterable[Stream], *, but: int | None = None) -> None:
        """Tell that a post or repost is gone: its id alone, to those who may have been told of it.

        :param but: an account that is shown it still.
        """
        news = News("delete", b"%d" % post)
        for stream in streams:
            for listener in tuple(self._listening.get(stream, ())):
                if listener.viewer != but:
                    listener.tell(stream, news)
