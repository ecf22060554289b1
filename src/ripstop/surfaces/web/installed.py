"""What browsers and search engines ask for beside pages: what an installed app is called, the page for when there is no
network, and `robots.txt`."""

import msgspec

from ripstop.domain.settings import settings_of
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Response, text
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.pages import Renderer
from ripstop.surfaces.web.shell import FOR_ALL
from ripstop.surfaces.web.static import Static, tagged, unless_known

ROBOTS = """\
User-agent: *
Disallow: /api/
Disallow: /auth/
Disallow: /oauth/
Disallow: /compose
Disallow: /search
Disallow: /settings/
"""
MANIFEST = "/manifest.webmanifest"
MANIFEST_HEADERS: Headers = [
    ("content-type", "application/manifest+json"),
    ("cache-control", "public, max-age=3600"),
    ("x-content-type-options", "nosniff"),
]
BACKGROUND = "#0b0c0d"
"""Of the window while the app starts: the paper of style.css in the dark."""


class Installed:
    """Handlers of these."""

    def __init__(self, graph: Graph, renderer: Renderer, static: Static) -> None:
        self._graph = graph
        self._renderer = renderer
        self._icons = [
            {"src": static.url("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
            {"src": static.url("icon-192.png"), "sizes": "192x192", "type": "image/png"},
            {"src": static.url("icon-512.png"), "sizes": "512x512", "type": "image/png"},
            {"src": static.url("icon-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
        ]

    def routes(self) -> list[Route]:
        return [
            Route("GET", MANIFEST, self.manifest),
            Route("GET", "/offline", self.offline),
            Route("GET", "/robots.txt", self.robots),
        ]

    async def manifest(self, request: Request, params: None) -> Response:
        """The app as it is installed, by the name that the staff gave the server (W3C, Web Application Manifest)."""
        site = self._renderer.facts.named(await settings_of(self._graph))
        manifest = {
            "name": site.title,
            "short_name": site.title,
            "description": site.description,
            "id": "/",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": BACKGROUND,
            "theme_color": BACKGROUND,
            "icons": self._icons,
            "shortcuts": [
                {"name": "New post", "url": "/compose"},
                {"name": "Notifications", "url": "/notifications"},
            ],
        }
        return unless_known(request, tagged(Response(msgspec.json.encode(manifest), 200, MANIFEST_HEADERS)))

    async def offline(self, request: Request, params: None) -> Response:
        """The page that the service worker keeps, for whoever reads."""
        page = self._renderer.page("offline.html", await settings_of(self._graph), me=None, alone=True)
        return unless_known(request, tagged(Response(page, 200, FOR_ALL)))

    async def robots(self, request: Request, params: None) -> Response:
        """Which pages are nothing for search engines. Of all others, each says it itself."""
        return text(ROBOTS)
