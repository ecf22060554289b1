"""Where everything is put together: settings, engine, machinery, domain, surfaces, processes. Only boot knows all.

`Ground` is what the processes of a server share; it is made before they are forked, and opens nothing. `open_base`
makes what one process has for itself, and `open_web` and `open_worker` what it does with that. Parts are handed to
each other here, and nothing owns the rest.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

import msgspec

import ripstop
from ripstop.domain import settings
from ripstop.domain.accounts import model as accounts
from ripstop.domain.accounts.functions import Endings, Leaving, PasswordHashing
from ripstop.domain.accounts.guesses import FAILURES, Guesses, GuessLimits
from ripstop.domain.accounts.passwords import Passwords
from ripstop.domain.accounts.scopes import SCOPES
from ripstop.domain.accounts.tokens import Tokens
from ripstop.domain.conversations import model as conversations
from ripstop.domain.conversations.functions import Conversations
from ripstop.domain.feeds import FanOut, Home, LowWater
from ripstop.domain.feeds import leaving as leaving_feeds
from ripstop.domain.feeds import model as feeds
from ripstop.domain.follows import leaving as leaving_follows
from ripstop.domain.follows import model as follows
from ripstop.domain.follows.functions import ListKeeping, Severing, Unlocking
from ripstop.domain.follows.watching import Watching
from ripstop.domain.media import model as media
from ripstop.domain.media.actions import Images
from ripstop.domain.media.functions import Sweeping
from ripstop.domain.media.imaging import ImageMaker
from ripstop.domain.moderation import model as moderation
from ripstop.domain.moderation.alerts import Alerting
from ripstop.domain.moderation.queues import Queues
from ripstop.domain.notifications import model as notifications
from ripstop.domain.notifications.functions import Notifications
from ripstop.domain.posts import leaving as leaving_posts
from ripstop.domain.posts import model as posts
from ripstop.domain.posts.functions import Forgetting
from ripstop.domain.previews.functions import Previews
from ripstop.domain.search import model as search
from ripstop.domain.search.functions import Indexing
from ripstop.domain.viewing import model as viewing
from ripstop.domain.viewing.functions import FilterKeeping
from ripstop.engines.base import Schema, Store
from ripstop.engines.blobs import BlobStore, FolderBlobs
from ripstop.engines.moving import Destination, Origin
from ripstop.engines.slots import FileSlot
from ripstop.engines.sqlite import SqliteStore
from ripstop.engines.sqlite.folder import DataFolder, lock_holder
from ripstop.engines.sqlite.moving import SqliteOrigin
from ripstop.kernel import secrets
from ripstop.kernel.clock import Clock, SystemClock
from ripstop.kernel.configuration import Configuration
from ripstop.kernel.ids import IdSource
from ripstop.kernel.metrics import Merge, Metrics
from ripstop.machinery.bus import Bus, LocalBus
from ripstop.machinery.functions import Functions
from ripstop.machinery.functions.keyspaces import KEYSPACES as FUNCTION_KEYSPACES
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.worker import Limits as WorkerLimits
from ripstop.machinery.functions.worker import Worker
from ripstop.machinery.graph import Events, Graph
from ripstop.machinery.keyspaces import keyspace_types
from ripstop.machinery.outbound import Guard, Outbound
from ripstop.machinery.outbound import Limits as OutboundLimits
from ripstop.processes import running
from ripstop.processes.hasher import Hasher, PasswordHasher, hashing_client
from ripstop.processes.helper import HelperMetrics
from ripstop.processes.imagemaker import Imaging, imaging_client
from ripstop.processes.seat import Seat
from ripstop.processes.services import BacklogMetrics, Web, Work
from ripstop.processes.slots import LeasedSlot
from ripstop.processes.stuck import Holder
from ripstop.surfaces.condition.condition import Condition
from ripstop.surfaces.condition.machine import SUPERVISOR
from ripstop.surfaces.http.admission import Admission
from ripstop.surfaces.http.admission import Limits as AdmissionLimits
from ripstop.surfaces.http.dispatcher import Dispatcher
from ripstop.surfaces.http.health import ANSWERS as HEALTH_ANSWERS
from ripstop.surfaces.http.health import Health
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.openapi import About, OpenApi
from ripstop.surfaces.http.rates import Limits as RateLimits
from ripstop.surfaces.http.rates import Rates
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.answers import ANSWERS as MASTODON_ANSWERS
from ripstop.surfaces.mastodon.routes import mastodon_routes
from ripstop.surfaces.mastodon.site import Site, vapid_key
from ripstop.surfaces.streaming.hub import announce
from ripstop.surfaces.streaming.routes import ANSWERS as STREAMING_ANSWERS
from ripstop.surfaces.streaming.routes import streaming_routes
from ripstop.surfaces.web.live import announce_posts
from ripstop.surfaces.web.pages import Renderer, SiteFacts
from ripstop.surfaces.web.routes import web_routes
from ripstop.surfaces.web.static import Static

SCHEMA = Schema(
    associations={
        one.number: one.engine
        for one in (
            *accounts.ASSOCIATIONS,
            *follows.ASSOCIATIONS,
            *media.ASSOCIATIONS,
            *posts.ASSOCIATIONS,
            *viewing.ASSOCIATIONS,
            *notifications.ASSOCIATIONS,
            *conversations.ASSOCIATIONS,
            *moderation.ASSOCIATIONS,
            *settings.ASSOCIATIONS,
            *feeds.ASSOCIATIONS,
        )
    },
    keyspaces={**keyspace_types((*feeds.KEYSPACES, FAILURES)), **FUNCTION_KEYSPACES},
    text_indexes=search.TEXT_INDEXES,
)

GUESSES = "guesses_"
"""How settings of rates begin that bound what somebody may guess, not how often they may ask."""

HELPER_SOCKET = "helper.sock"
DARKROOM_SOCKET = "darkroom.sock"

WrapStore = Callable[[Store], Store]


class Ground:
    """What all processes of a server share.

    :param wrap_store: put around every store, for tests that watch what is asked of it.
    :raises SecretUnusable: the server's secret cannot be read or made.
    """

    def __init__(
        self, configuration: Configuration, *, clock: Clock | None = None, wrap_store: WrapStore = lambda store: store
    ) -> None:
        self.configuration = configuration
        self.clock = clock or SystemClock()
        self.secrets = secrets.load(configuration.secret_file)
        self.wrap_store = wrap_store
        # What takes memory and never changes is made once, here, and shared.
        self.site = Site(origin=configuration.origin, version=ripstop.__version__, vapid_key=vapid_key(self.secrets))
        self.static = Static()
        # Every process has the families of all, since any of them may be asked to render the metrics of all.
        self.metrics = metrics = Metrics()
        self.calls = CallMetrics(metrics)
        self.backlog = BacklogMetrics(metrics)
        self.helper = HelperMetrics(metrics)
        # Counts by rate limits are shared too: made before the fork, and outliving the processes that count.
        rates = msgspec.structs.asdict(configuration.rates)
        self.rates = Rates(
            RateLimits(**{name: limit for name, limit in rates.items() if not name.startswith(GUESSES)}),
            clock=self.clock,
            metrics=metrics,
        )
        self.guesses = GuessLimits(
            **{name.removeprefix(GUESSES): limit for name, limit in rates.items() if name.startswith(GUESSES)}
        )
        self.processes = metrics.gauge("ripstop_processes", "Processes that are alive, by kind.", ["kind"])
        self.commit = metrics.gauge(
            "ripstop_commit_seconds", "From a batch's arrival to its answer, recently.", merge=Merge.MAX
        )
        self.cache_bytes = metrics.gauge("ripstop_cache_bytes", "About how much the caches of the graph hold.")
        self.cache_reads = metrics.counter(
            "ripstop_cache_reads_total", "Objects asked of the caches of the graph, by result.", ["result"]
        )

    @cached_property
    def renderer(self) -> Renderer:
        """Made by the first who asks, since it takes a fifth of a second, and commands show no pages."""
        return Renderer(self.static, SiteFacts(self.site.title, self.site.domain, self.site.description))


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What every process has once it is open. `parts` closes all of it, in reverse order."""

    store: Store
    ids: IdSource
    bus: Bus
    graph: Graph
    functions: Functions
    hasher: PasswordHasher
    images: Images
    blobs: BlobStore
    parts: AsyncExitStack


def make_store(configuration: Configuration, clock: Clock | None = None) -> Store:
    """The store that the settings name, not open yet."""
    clock = clock or SystemClock()
    if configuration.database:
        # NOTE: not above, here and below: it takes 5 MB, which a server on SQLite needs for nothing.
        from ripstop.engines.postgres import PostgresStore

        read_seconds = configuration.limits.read_seconds
        return PostgresStore(configuration.database, SCHEMA, clock=clock, read_seconds=read_seconds)
    return SqliteStore(configuration.data_folder, SCHEMA, clock=clock)


def write_lock_holder(configuration: Configuration) -> Holder | None:
    """Who holds the lock that the writers of a SQLite store take in turn; None with PostgreSQL, which has its own."""
    path = DataFolder(configuration.data_folder).lock("write")
    return None if configuration.database or not path.exists() else lock_holder(path)


@asynccontextmanager
async def opened_store(configuration: Configuration) -> AsyncIterator[Store]:
    """The store alone, open; for commands that keep it."""
    store = make_store(configuration)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def move_origin(configuration: Configuration) -> Origin:
    """The store in the data folder, to be moved."""
    return SqliteOrigin(configuration.data_folder, SCHEMA)


@asynccontextmanager
async def move_destination(database: str) -> AsyncIterator[Destination]:
    """The database that a store shall be moved into, connected."""
    # NOTE: not above, as in `make_store`.
    from ripstop.engines.postgres.moving import PostgresDestination

    destination = PostgresDestination(database, SCHEMA)
    await destination.open()
    try:
        yield destination
    finally:
        await destination.close()


async def open_base(
    ground: Ground,
    *,
    bus: Bus | None = None,
    hasher: PasswordHasher | None = None,
    imaging: ImageMaker | None = None,
) -> Base:
    """Open the store and build machinery and domain over it.

    :param bus: instead of the one between the processes of this machine.
    :param hasher: instead of the helper process.
    :param imaging: instead of the picture process.
    :raises RipstopError: the store cannot be opened; nothing is left open.
    """
    run = ground.configuration.run_folder
    async with AsyncExitStack() as parts:
        store = ground.wrap_store(make_store(ground.configuration, ground.clock))
        await store.open()
        parts.push_async_callback(store.close)
        ids = await mint_ids(ground, store, parts)
        if bus is None:
            bus = LocalBus(run / "bus")
        await bus.open()
        parts.push_async_callback(bus.close)
        if hasher is None:
            client = hashing_client(run / HELPER_SOCKET)
            parts.push_async_callback(client.close)
            hasher = Hasher(client)
        if imaging is None:
            darkroom = imaging_client(run / DARKROOM_SOCKET)
            parts.push_async_callback(darkroom.close)
            imaging = Imaging(darkroom)
        events = Events(ground.clock)
        announce_posts(events)
        announce(events)
        graph = Graph(store, ids=ids, clock=ground.clock, events=events, bus=bus)
        blobs = FolderBlobs(ground.configuration.media_folder)
        images = Images(graph, imaging, blobs)
        outbound = make_outbound(ground)
        parts.push_async_callback(outbound.close)
        functions = declare_functions(ground, graph, store, events, hasher, blobs)
        previews = outbound if ground.configuration.outbound.previews else None
        Previews(graph, images, previews, origin=ground.site.origin).register(functions, events)
        _watch(ground, store, graph)
        return Base(
            store=store,
            ids=ids,
            bus=bus,
            graph=graph,
            functions=functions,
            hasher=hasher,
            images=images,
            blobs=blobs,
            parts=parts.pop_all(),
        )


def make_outbound(ground: Ground) -> Outbound:
    """The client that asks other servers; it opens nothing yet."""
    settings = ground.configuration.outbound
    return Outbound(
        Guard(ports=[int(port) for port in settings.ports.split()], allowed=settings.allowed.split()),
        agent=f"Ripstop/{ripstop.__version__} (+{ground.configuration.origin}/)",
        metrics=ground.metrics,
        limits=OutboundLimits(seconds=settings.seconds, bytes=settings.bytes, redirects=settings.redirects),
    )


@asynccontextmanager
async def opened_graph(configuration: Configuration) -> AsyncIterator[Graph]:
    """The graph alone, with all that listens to its events; for commands that change what is in it."""
    base = await open_base(Ground(configuration))
    async with base.parts:
        await base.graph.sync()
        yield base.graph


async def mint_ids(ground: Ground, store: Store, parts: AsyncExitStack) -> IdSource:
    """Ids in a slot of the data folder, or of the store where that is open to several machines.

    The slot is given back with the time of the last id, so that whoever has it next need not begin in the future.
    """
    if not ground.configuration.database:
        file_slot = FileSlot(ground.configuration.data_folder / "slots")
        ids = IdSource(ground.clock, file_slot)
        parts.callback(lambda: file_slot.close(minted_ms=ids.end()))
        return ids
    slot = await LeasedSlot.take(store, ground.clock)
    ids = IdSource(ground.clock, slot)
    parts.push_async_callback(lambda: slot.release(minted_ms=ids.end()))
    await parts.enter_async_context(slot.kept())
    return ids


def declare_functions(
    ground: Ground, graph: Graph, store: Store, events: Events, hasher: PasswordHasher, blobs: BlobStore
) -> Functions:
    """All background functions, subscribed to the events that cause them."""
    functions = Functions()
    FanOut(graph, store).register(functions, events)  # first: see there
    PasswordHashing(graph, ground.secrets, hasher.hash).register(functions, events)
    Endings(graph).register(functions, events)
    Severing(graph).register(functions, events)
    Unlocking(graph).register(functions, events)
    ListKeeping(graph).register(functions, events)
    Sweeping(graph, blobs).register(functions, events)
    Forgetting(graph).register(functions, events)
    Watching(graph).register(functions, events)
    notifying = Notifications(graph)
    notifying.register(functions, events)
    Alerting(graph, notifying.telling).register(functions, events)
    Conversations(graph).register(functions, events)
    Indexing(graph, store).register(functions, events)
    Leaving(graph).register(functions, events)
    leaving_follows.Leaving(graph).register(functions, events)
    leaving_posts.Leaving(graph).register(functions, events)
    FilterKeeping(graph).register(functions, events)
    leaving_feeds.Leaving(graph, store).register(functions, events)
    return functions


def make_routes(ground: Ground, base: Base, snapshots: Callable[[], Sequence[bytes]] | None = None) -> list[Route]:
    """The routes of all surfaces but health and metrics.

    :param snapshots: the figures of all processes of this server; None: those of this one.
    """
    graph, configuration = base.graph, ground.configuration
    queues = Queues(graph, base.store, base.bus, base.functions.names())
    condition = Condition(
        configuration,
        base.store,
        snapshots=snapshots or (lambda: [ground.metrics.snapshot()]),
        ages=lambda: running.ages(configuration.data_folder, supervisor=SUPERVISOR),
    )
    home = Home(graph, base.store, LowWater(graph, base.store))
    guesses = Guesses(base.store, ground.clock, ground.guesses)
    return [
        *mastodon_routes(
            graph,
            base.store,
            home=home,
            images=base.images,
            site=ground.site,
            seal=ground.secrets,
            queues=queues,
            condition=condition,
        ),
        *web_routes(
            graph,
            base.store,
            base.bus,
            home=home,
            images=base.images,
            static=ground.static,
            renderer=ground.renderer,
            blobs=base.blobs,
            passwords=Passwords(graph, guesses=guesses, seal=ground.secrets, hasher=base.hasher),
            guesses=guesses,
            rates=ground.rates,
            seal=ground.secrets,
            origin=ground.site.origin,
            queues=queues,
            condition=condition,
        ),
    ]


def make_description(ground: Ground, routes: Sequence[Route]) -> OpenApi:
    """The description of the API, of the routes that are for programs."""
    site = ground.site
    about = About(
        title=site.title, version=site.version, description=site.description, origin=site.origin, scopes=SCOPES
    )
    return OpenApi(routes, {**HEALTH_ANSWERS, **MASTODON_ANSWERS, **STREAMING_ANSWERS}, about)


async def open_web(ground: Ground, seat: Seat) -> Web:
    """What an HTTP process runs."""
    base = await open_base(ground)
    return make_web(ground, base, seat)


def make_web(ground: Ground, base: Base, seat: Seat) -> Web:
    """The surfaces over an open base."""
    limits = ground.configuration.limits
    admission = Admission(
        ground.clock,
        AdmissionLimits(lag=limits.event_loop_lag, commit=limits.commit_seconds, in_flight=limits.in_flight),
        commit_seconds=lambda: base.store.commit_seconds,
        metrics=ground.metrics,
    )
    health = Health(lambda: _state(base, seat), lambda: _render(ground, seat))
    authenticate = Tokens(base.graph).authenticate
    streaming = streaming_routes(base.graph, base.bus, authenticate, origin=ground.site.origin)
    routes = [*health.routes(), *make_routes(ground, base, lambda: _snapshots(ground, seat)[0]), *streaming]
    dispatcher = Dispatcher(
        [*routes, *make_description(ground, routes).routes()],
        origin=ground.configuration.origin,
        authenticate=authenticate,
        begin=base.graph.sync,
        admission=admission,
        metrics=ground.metrics,
        rates=ground.rates,
        networks=Networks(ground.configuration.proxies.split()),
        max_body=limits.body_bytes,
        body_seconds=limits.body_seconds,
    )
    _take_seat(ground, seat, "http")
    return Web(dispatcher, admission, ground.metrics, base.parts)


async def open_worker(ground: Ground, seat: Seat) -> Work:
    """What a function worker runs."""
    base = await open_base(ground)
    _take_seat(ground, seat, "worker")
    return Work(make_worker(ground, base), base.store, ground.backlog, ground.metrics, base.parts)


def make_worker(ground: Ground, base: Base) -> Worker:
    """A worker over an open base."""
    limits = ground.configuration.limits
    return Worker(
        base.store,
        base.functions,
        clock=ground.clock,
        ids=base.ids,
        bus=base.bus,
        metrics=ground.calls,
        before_round=base.graph.sync,
        # Work that can wait gives way before requests are refused.
        limits=WorkerLimits(objective=limits.commit_seconds / 2, lag=limits.event_loop_lag),
    )


def _watch(ground: Ground, store: Store, graph: Graph) -> None:
    """Have the metrics ask for what store and graph know of themselves."""
    ground.commit.cell().read = lambda: store.commit_seconds
    ground.cache_bytes.cell().read = lambda: graph.cache_bytes
    ground.cache_reads.cell("hit").read = lambda: graph.hits
    ground.cache_reads.cell("miss").read = lambda: graph.misses


def _take_seat(ground: Ground, seat: Seat, kind: str) -> None:
    """Go on counting where the last process in this seat stopped."""
    last = seat.board.read(seat.slot)
    if last is not None:
        ground.metrics.resume(last.payload)
    ground.processes.cell(kind).value = 1


def _render(ground: Ground, seat: Seat) -> bytes:
    """The metrics of all processes of this server."""
    living, ended = _snapshots(ground, seat)
    return ground.metrics.render(living, ended)


def _snapshots(ground: Ground, seat: Seat) -> tuple[list[bytes], list[bytes]]:
    """The figures of all living processes of this server, and the last ones of those that are no more."""
    seat.board.write(seat.slot, ground.metrics.snapshot())
    return seat.board.payloads()


def _state(base: Base, seat: Seat) -> dict[str, object]:
    """What a verbose health check tells."""
    return {
        "process": seat.name,
        "processes": len(seat.board.payloads()[0]),
        "commit_seconds": round(base.store.commit_seconds, 6),
        "read_only": base.store.read_only,
    }
