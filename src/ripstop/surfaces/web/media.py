"""Pictures that people uploaded. Each has an address of its own for ever, so that nobody asks twice."""

from ripstop.engines.blobs import NAME, BlobStore
from ripstop.kernel.errors import NotFound
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers, Response
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.static import cached, is_known

MEDIA_HEADERS: Headers = [
    ("content-type", "image/webp"),
    ("cache-control", "public, max-age=31536000, immutable"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; sandbox"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("access-control-allow-origin", "*"),
]


class Media:
    """Hands out blobs. A name that somebody knows is all that it takes to be given one."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def routes(self) -> list[Route]:
        return [Route("GET", "/media/{name}", self.serve)]

    async def serve(self, request: Request, params: None) -> Response:
        """Whoever has it already is told so without a look at the blob, which never changes.

        :raises NotFound: there is none, or none any more.
        """
        name = str(request.args["name"])
        body = None
        if NAME.fullmatch(name):
            body = b"" if is_known(request, name) else await self._blobs.get(name)
        if body is None:
            raise NotFound("There is no such file")
        return cached(request, body, name, MEDIA_HEADERS)
