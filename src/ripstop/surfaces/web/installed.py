"""What browsers and search engines ask for beside pages: the page for when there is no network, and `robots.txt`."""

from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, text
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.pages import Renderer
from ripstop.surfaces.web.shell import FOR_ALL
from ripstop.surfaces.web.static import tagged, unless_known

ROBOTS = """\
User-agent: *
Disallow: /api/
Disallow: /auth/
Disallow: /oauth/
Disallow: /compose
Disallow: /search
Disallow: /settings/
"""


class Installed:
    """Handlers of these."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def routes(self) -> list[Route]:
        return [Route("GET", "/offline", self.offline), Route("GET", "/robots.txt", self.robots)]

    async def offline(self, request: Request, params: None) -> Response:
        """The page that the service worker keeps."""
        return unless_known(request, tagged(Response(self._renderer.page("offline.html", me=None), 200, FOR_ALL)))

    async def robots(self, request: Request, params: None) -> Response:
        """Which pages are nothing for search engines. Of all others, each says it itself."""
        return text(ROBOTS)
