"""Taking in what people upload."""

import asyncio

from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.media.imaging import ImageMaker
from ripstop.domain.media.model import (
    HOLDS_IMAGE,
    IMAGE,
    LARGE,
    MOST_BYTES,
    SIZES,
    SMALL,
    Image,
    Shape,
    blob_name,
    image_key,
)
from ripstop.engines.blobs import BlobStore
from ripstop.kernel.errors import Invalid, Unavailable
from ripstop.machinery.graph import Entry, Graph

LOOSE_MS = 24 * 3_600 * 1_000
"""For so long a picture is kept that nothing shows: whoever uploaded it may still be writing, or writing anew."""


class Images:
    """Takes pictures in.

    :param maker: makes them anew.
    :param blobs: where they rest.
    """

    def __init__(self, graph: Graph, maker: ImageMaker, blobs: BlobStore) -> None:
        self._graph = graph
        self._maker = maker
        self._blobs = blobs

    async def take(self, owner: int, data: bytes, kind: str) -> Entry[Image]:
        """Keep a picture that nothing shows yet. One commit, then its blobs: what is there has been announced.

        :raises Invalid: it is no picture that can be taken.
        :raises Unavailable: pictures cannot be made or kept now.
        """
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
