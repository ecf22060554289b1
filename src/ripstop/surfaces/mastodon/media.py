"""Pictures for posts: uploaded and described before they are shown."""

import msgspec

from ripstop.domain.media.actions import Images, access_attachment, describe, discard
from ripstop.domain.media.model import ATTACHMENT, MOST_BYTES, Focus, Image
from ripstop.domain.posts.attachments import shown
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Upload
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Handler, Quota, Route
from ripstop.surfaces.mastodon.pictures import BODY_SECONDS, File, picture_bytes
from ripstop.surfaces.mastodon.present.media import attachment_fields

MEDIA_BODY = MOST_BYTES[ATTACHMENT] * 4 // 3 + (64 << 10)
"""Bytes of a body with a picture, in base64 at worst."""


class MediaParams(msgspec.Struct, kw_only=True):
    """A picture, what it shows in words, and what of it is to be seen when it is cut: ``x,y``."""

    file: File = None
    description: str | None = None
    focus: str | None = None


class DescriptionParams(msgspec.Struct, kw_only=True):
    """What is to be said of a picture; what is absent stays."""

    id: int
    description: str | None = None
    focus: str | None = None


class MediaAttachments:
    """Handlers of pictures that stand in no post yet."""

    def __init__(self, graph: Graph, images: Images, *, origin: str) -> None:
        self._graph = graph
        self._images = images
        self._origin = origin

    def routes(self) -> list[Route]:
        one = "/api/v1/media/{id}"

        def own(method: str, handler: Handler, params: type[msgspec.Struct] | None = None) -> Route:
            return Route(method, one, handler, scope="write:media", auth=Auth.USER, params=params)

        return [
            *(
                Route(
                    "POST",
                    f"/api/{version}/media",
                    self.upload,
                    scope="write:media",
                    auth=Auth.USER,
                    params=MediaParams,
                    max_body=MEDIA_BODY,
                    body_seconds=BODY_SECONDS,
                    quota=Quota.UPLOADS,
                )
                for version in ("v1", "v2")
            ),
            own("GET", self.one),
            own("PUT", self.describe, DescriptionParams),
            own("DELETE", self.discard),
        ]

    async def upload(self, request: Request, params: MediaParams) -> Response:
        """A picture, processed and ready. One commit."""
        data = picture_bytes(params.file, "file")
        if data is None:
            raise Invalid("Validation failed: File can't be blank", details={"file": [("ERR_BLANK", "can't be blank")]})
        if isinstance(params.file, Upload) and params.file.content_type.startswith(("video/", "audio/")):
            sentence = "is a video or a sound, which this server does not take; pictures are welcome"
            raise Invalid(f"Validation failed: File {sentence}", details={"file": [("ERR_INVALID", sentence)]})
        focus = parse_focus(params.focus) or (0.0, 0.0)
        image = await self._images.take(
            request.account, data, ATTACHMENT, description=params.description or "", focus=focus
        )
        return self._answer(image)

    async def one(self, request: Request, params: None) -> Response:
        """For whoever uploaded it. At most one engine call."""
        return self._answer(await access_attachment(self._graph, request.account, int(request.args["id"])))

    async def describe(self, request: Request, params: DescriptionParams) -> Response:
        """Before it is posted; after that, by an edit of the post. Two engine calls and a commit."""
        image = await access_attachment(self._graph, request.account, params.id)
        focus = parse_focus(params.focus)
        return self._answer(await describe(self._graph, image, description=params.description, focus=focus))

    async def discard(self, request: Request, params: None) -> Response:
        """Unless it is posted. An engine call and a commit."""
        await discard(self._graph, await access_attachment(self._graph, request.account, int(request.args["id"])))
        return empty()

    def _answer(self, image: Entry[Image]) -> Response:
        (attachment,) = shown([image])
        return json(attachment_fields(attachment, self._origin))


def parse_focus(text: str | None) -> Focus | None:
    """Two numbers with a comma between them; None where nothing is said.

    :raises Invalid: it is something else.
    """
    if text is None or not text.strip():
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise Invalid("Validation failed: Focus must be two numbers, such as 0.5,-0.25") from None
    if not (abs(x) <= 1e9 and abs(y) <= 1e9):  # no number that is no number
        raise Invalid("Validation failed: Focus must be two numbers, such as 0.5,-0.25")
    return x, y
