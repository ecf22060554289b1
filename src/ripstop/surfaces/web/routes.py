"""All routes of the pages."""

from ripstop.domain.accounts.guesses import Guesses
from ripstop.domain.accounts.passwords import Passwords
from ripstop.domain.feeds import Home
from ripstop.domain.media.actions import Images
from ripstop.domain.moderation.queues import Queues
from ripstop.domain.security.login import Logins
from ripstop.domain.security.passkeys import Passkeys
from ripstop.domain.security.tickets import Tickets
from ripstop.engines.base import Engine
from ripstop.engines.blobs import BlobStore
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.bus import Bus
from ripstop.machinery.graph import Graph
from ripstop.surfaces.condition.condition import Condition
from ripstop.surfaces.http.rates import Rates
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.about import About
from ripstop.surfaces.web.account import AccountPage
from ripstop.surfaces.web.acting import Acting
from ripstop.surfaces.web.admin import Admin
from ripstop.surfaces.web.admin_reports import AdminReports
from ripstop.surfaces.web.admin_server import AdminServer
from ripstop.surfaces.web.admin_settings import AdminSettings
from ripstop.surfaces.web.around import Around
from ripstop.surfaces.web.authorize import Authorize
from ripstop.surfaces.web.composing import Composing
from ripstop.surfaces.web.entrance import Entrance
from ripstop.surfaces.web.filtering import Filtering
from ripstop.surfaces.web.filtering_posts import FilteringPosts
from ripstop.surfaces.web.finding import Finding
from ripstop.surfaces.web.forms import Forms
from ripstop.surfaces.web.home import Feeds
from ripstop.surfaces.web.installed import Installed
from ripstop.surfaces.web.live import LiveLocal
from ripstop.surfaces.web.live_home import LiveHome
from ripstop.surfaces.web.live_unread import LiveUnread
from ripstop.surfaces.web.media import Media
from ripstop.surfaces.web.pages import Renderer
from ripstop.surfaces.web.reading import Reading
from ripstop.surfaces.web.reporting import Reporting
from ripstop.surfaces.web.second_factor import SecondFactor
from ripstop.surfaces.web.security import Security
from ripstop.surfaces.web.servers import Servers
from ripstop.surfaces.web.settings import Settings
from ripstop.surfaces.web.shell import Shell
from ripstop.surfaces.web.shelves import Shelves
from ripstop.surfaces.web.sign_in import SignIn
from ripstop.surfaces.web.static import Static
from ripstop.surfaces.web.syndication import Syndication
from ripstop.surfaces.web.taking import Taking
from ripstop.surfaces.web.talking import Talking
from ripstop.surfaces.web.told import Told
from ripstop.surfaces.web.visitor import Visitors


def web_routes(
    graph: Graph,
    engine: Engine,
    bus: Bus,
    *,
    home: Home,
    images: Images,
    static: Static,
    renderer: Renderer,
    blobs: BlobStore,
    passwords: Passwords,
    guesses: Guesses,
    rates: Rates,
    seal: Secrets,
    origin: str,
    queues: Queues,
    condition: Condition,
) -> list[Route]:
    """The routes, over handlers that share their templates and files."""
    visitors = Visitors(graph, seal, origin=origin)
    forms, shell = Forms(renderer, visitors, rates), Shell(graph, renderer, visitors, rates)
    domain = renderer.facts.domain
    tickets = Tickets(seal, graph.clock)
    passkeys = Passkeys(graph, origin=origin, title=renderer.facts.title)
    logins = Logins(graph, passwords=passwords, passkeys=passkeys, guesses=guesses, seal=seal, tickets=tickets)
    second = SecondFactor(forms, Entrance(graph, forms), logins, passkeys)
    return [
        *Feeds(graph, home, shell).routes(),
        *Reading(graph, shell, Syndication(graph, origin=origin), origin=origin, domain=domain).routes(),
        *Around(graph, shell, domain=domain).routes(),
        *Acting(graph, shell).routes(),
        *Composing(graph, shell, images, origin=origin, domain=domain).routes(),
        *Told(graph, shell).routes(),
        *Talking(graph, shell).routes(),
        *Finding(graph, engine, shell, domain=domain).routes(),
        *Shelves(graph, shell).routes(),
        *Settings(graph, shell, images).routes(),
        *Servers(graph, shell).routes(),
        *Filtering(graph, shell).routes(),
        *FilteringPosts(graph, shell).routes(),
        *About(graph, shell).routes(),
        *Taking(graph, shell, blobs, rates, origin=origin).routes(),
        *Reporting(graph, shell).routes(),
        *Admin(graph, shell).routes(),
        *AdminReports(graph, shell).routes(),
        *AdminSettings(graph, shell).routes(),
        *AdminServer(graph, shell, queues, condition).routes(),
        *LiveLocal(graph, bus, renderer).routes(),
        *LiveHome(graph, bus, home, visitors).routes(),
        *LiveUnread(graph, bus, visitors).routes(),
        *SignIn(graph, forms, second, seal=seal).routes(),
        *second.routes(),
        *Security(graph, shell, passwords, passkeys, tickets=tickets, seal=seal, issuer=domain).routes(),
        *AccountPage(graph, shell, forms, passwords).routes(),
        *Authorize(graph, forms).routes(),
        *Installed(graph, renderer, static).routes(),
        *Media(blobs).routes(),
        *static.routes(),
    ]
