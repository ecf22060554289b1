"""Files that never change while the server runs: read once, served from memory, named by their content."""

import hashlib
from pathlib import Path

from ripstop.kernel.errors import NotFound
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Response, with_headers
from ripstop.surfaces.http.routing import Route

FOLDER = Path(__file__).parent / "static"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
WELL_KNOWN = {
    "/avatars/original/missing.png": "avatar.png",
    "/headers/original/missing.png": "header.png",
    "/favicon.ico": "icon-192.png",
    "/sw.js": "sw.js",
}
"""Paths at which clients of the Mastodon API expect a picture, and browsers an icon. A service worker is of the folder
in which it stands."""

_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_DAY = "public, max-age=86400"


class Static:
    """The files of a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._bodies = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in TYPES}
        self._tags = {name: hashlib.sha256(body).hexdigest()[:16] for name, body in self._bodies.items()}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/static/{name}", self.serve),
            *(Route("GET", path, self.serve_well_known) for path in WELL_KNOWN),
        ]

    def url(self, name: str) -> str:
        """The address of a file as it is now: another content has another address."""
        return f"/static/{name}?v={self._tags[name]}"

    async def serve(self, request: Request, params: None) -> Response:
        return self._answer(request, str(request.args["name"]))

    async def serve_well_known(self, request: Request, params: None) -> Response:
        return self._answer(request, WELL_KNOWN[request.path.rstrip("/")])

    def _answer(self, request: Request, name: str) -> Response:
        body = self._bodies.get(name)
        if body is None:
            raise NotFound("There is no such file")
        tag = self._tags[name]
        named = ("v", tag) in request.query
        return cached(request, body, tag, self._headers(name, _FOR_EVER if named else _FOR_A_DAY))

    def _headers(self, name: str, caching: str) -> Headers:
        return [
            ("content-type", TYPES[Path(name).suffix]),
            ("cache-control", caching),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", "*"),
            ("content-security-policy", "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'"),
        ]


def cached(request: Request, body: bytes, tag: str, headers: Headers) -> Response:
    """The body under an entity tag, or 304 if the client has it already (RFC 9110, section 13.1.2)."""
    headers = [*headers, ("etag", f'"{tag}"')]
    return Response(b"", 304, headers) if is_known(request, tag) else Response(body, 200, headers)


def tagged(page: Response) -> Response:
    """A page with an entity tag, which is a digest of its body; what is no whole page (200) stays as it is."""
    if page.status != 200:
        return page
    return with_headers(page, [("etag", f'"{hashlib.sha256(page.body).hexdigest()[:16]}"')])


def unless_known(request: Request, page: Response) -> Response:
    """What was `tagged`, or 304 if the client has it already."""
    tag = next((value.strip('"') for name, value in page.headers if name == "etag"), "")
    return Response(b"", 304, page.headers) if tag and is_known(request, tag) else page


def is_known(request: Request, tag: str) -> bool:
    """Whether the client says that it has what this entity tag stands for."""
    known = (request.header("if-none-match") or "").split(",")
    return f'"{tag}"' in [one.strip().removeprefix("W/") for one in known]
