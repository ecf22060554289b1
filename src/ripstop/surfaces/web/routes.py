"""All routes of the pages."""

from ripstop.domain.accounts.passwords import Passwords
from ripstop.engines.blobs import BlobStore
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.bus import Bus
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.account import AccountPage
from ripstop.surfaces.web.authorize import Authorize
from ripstop.surfaces.web.forms import Forms
from ripstop.surfaces.web.live import LiveLocal
from ripstop.surfaces.web.media import Media
from ripstop.surfaces.web.pages import Pages, Renderer
from ripstop.surfaces.web.reading import Reading
from ripstop.surfaces.web.sign_in import SignIn
from ripstop.surfaces.web.static import Static
from ripstop.surfaces.web.visitor import Visitors


def web_routes(
    graph: Graph,
    bus: Bus,
    *,
    static: Static,
    renderer: Renderer,
    blobs: BlobStore,
    passwords: Passwords,
    seal: Secrets,
    origin: str,
) -> list[Route]:
    """The routes, over handlers that share their templates and files."""
    forms = Forms(renderer, Visitors(graph, seal, origin=origin))
    return [
        *Pages(graph, renderer).routes(),
        *Reading(graph, renderer, forms, origin=origin).routes(),
        *LiveLocal(graph, bus, renderer).routes(),
        *SignIn(graph, forms, passwords, seal=seal).routes(),
        *AccountPage(graph, forms, passwords).routes(),
        *Authorize(graph, forms).routes(),
        *Media(blobs).routes(),
        *static.routes(),
    ]
