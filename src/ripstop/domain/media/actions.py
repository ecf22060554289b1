"""Taking in what people upload, and what they say of it before it is shown."""

import asyncio

from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.media.imaging import ImageMaker
from ripstop.domain.media.model import (
    ATTACHMENT,
    HOLDS_IMAGE,
    IMAGE,
    LARGE,
    MIDDLE,
    MOST_BYTES,
    SIZES,
    SMALL,
    Focus,
    Image,
    Shape,
    blob_name,
    image_key,
)
from ripstop.domain.text import tidy
from ripstop.engines.blobs import BlobStore
from ripstop.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from ripstop.machinery.graph import Entry, Graph, Refused, Write

LOOSE_MS = 24 * 3_600 * 1_000
"""For so long a picture is kept that nothing shows: whoever uploaded it may still be writing, or writing anew."""

MAX_DESCRIPTION = 1_500
"""Characters."""


def check_description(text: str) -> str:
    """A description as it is kept.

    :raises Invalid: it is too long.
    """
    text = tidy(text)
    if len(text) > MAX_DESCRIPTION:
        sentence = f"is longer than {MAX_DESCRIPTION:,} characters"
        reasons = {"description": [("ERR_TOO_LONG", sentence)]}
        raise Invalid(f"Validation failed: Description {sentence}", details=reasons)
    return text


def check_focus(focus: Focus) -> Focus:
    """A focus within the picture."""
    x, y = focus
    return max(-1.0, min(1.0, x)), max(-1.0, min(1.0, y))


class Images:
    """Takes pictures in.

    :param maker: makes them anew.
    :param blobs: where they rest.
    """

    def __init__(self, graph: Graph, maker: ImageMaker, blobs: BlobStore) -> None:
        self._graph = graph
        self._maker = maker
        self._blobs = blobs

    async def take(
        self, owner: int, data: bytes, kind: str, *, description: str = "", focus: Focus = MIDDLE
    ) -> Entry[Image]:
        """Keep a picture that nothing shows yet. One commit, then its blobs: what is there has been announced.

        :raises Invalid: it is no picture that can be taken, or its description is too long.
        :raises Unavailable: pictures cannot be made or kept now.
        """
        description, focus = check_description(description), check_focus(focus)
        if len(data) > MOST_BYTES[kind]:
            sentence = f"is larger than {MOST_BYTES[kind] >> 20} MB"
            raise Invalid(f"Validation failed: File {sentence}", details={"file": [("ERR_TOO_LONG", sentence)]})
        pictures = await self._maker.make(data, SIZES[kind])
        large, small = pictures.made
        write = self._graph.write(owner)
        id_ = write.new_id()
        image = Image(
            owner=owner,
            created_at=self._graph.now_ms(),
            kind=kind,
            key=image_key(id_, large.data),
            large=Shape(large.width, large.height),
            small=Shape(small.width, small.height),
            blurhash=pictures.blurhash,
            description=description,
            focus=focus,
        )
        write.create(IMAGE, id_, image)
        write.put(HOLDS_IMAGE, owner, id_, order=id_)
        write.emit(ImageLoose(image=id_, until=image.created_at + LOOSE_MS))
        await self._graph.commit(write)
        try:
            await asyncio.gather(
                self._blobs.put(blob_name(image.key, LARGE), large.data),
                self._blobs.put(blob_name(image.key, SMALL), small.data),
            )
        except OSError as error:
            raise Unavailable("Pictures cannot be kept at the moment.", cause=error) from error
        return Entry(IMAGE.number, id_, 1, image)


async def access_attachment(graph: Graph, owner: int, id_: int) -> Entry[Image]:
    """A picture for posts, for whoever uploaded it.

    :raises NotFound: there is none, or it is not theirs.
    """
    image = await graph.get(IMAGE, id_)
    if image is None or image.value.owner != owner or image.value.kind != ATTACHMENT or image.value.ending:
        raise NotFound("Record not found")
    return image


async def describe(graph: Graph, image: Entry[Image], *, description: str | None, focus: Focus | None) -> Entry[Image]:
    """Say something else of a picture that stands in no post yet; None leaves it as it is. One commit.

    :raises NotFound: it stands in a post, of which it is a part now.
    :raises Invalid: the description is too long.
    :raises Conflict: it was changed meanwhile.
    """
    if image.value.post is not None:
        raise NotFound("Record not found")
    write = graph.write(image.id)
    write.patch(
        IMAGE,
        image.id,
        version=image.version,
        description=image.value.description if description is None else check_description(description),
        focus=image.value.focus if focus is None else check_focus(focus),
    )
    await _commit(graph, write)
    await graph.sync()
    return await access_attachment(graph, image.value.owner, image.id)


async def discard(graph: Graph, image: Entry[Image]) -> None:
    """Remove a picture that stands in no post. One commit; its blobs go soon.

    :raises Invalid: it stands in a post.
    :raises Conflict: it was changed meanwhile.
    """
    if image.value.post is not None:
        raise Invalid("Media attachment is currently used by a status")
    write = graph.write(image.id)
    write.patch(IMAGE, image.id, version=image.version, ending=True)
    write.emit(ImageLoose(image=image.id, until=graph.now_ms()))
    await _commit(graph, write)


async def _commit(graph: Graph, write: Write) -> None:
    try:
        await graph.commit(write)
    except Refused:
        raise Conflict("This picture was changed at the same time; please look at it again") from None
