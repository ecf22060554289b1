"""All routes of the pages."""

from ripstop.machinery.bus import Bus
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.live import LiveLocal
from ripstop.surfaces.web.pages import Pages, Renderer
from ripstop.surfaces.web.static import Static


def web_routes(graph: Graph, bus: Bus, *, static: Static, renderer: Renderer) -> list[Route]:
    """The routes, over handlers that share their templates and files."""
    return [*Pages(graph, renderer).routes(), *LiveLocal(graph, bus, renderer).routes(), *static.routes()]
