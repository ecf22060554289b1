"""What is done about pictures in the background: those that nothing shows go, with their blobs."""

from collections.abc import Sequence

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.media.model import CARD, HOLDS_IMAGE, IMAGE, LARGE, SMALL, Image, blob_name
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.engines.blobs import BlobStore
from ripstop.machinery.functions import Call, Checkpoint, Done, Functions, Outcome
from ripstop.machinery.graph import Entry, Events, Graph, Listening, Write


class Sweeping:
    """Removes pictures. First it is committed that one is ending, so that nothing can begin to show it; then its blobs
    go, and last its row, so that no blob is ever left that nobody knows of."""

    def __init__(self, graph: Graph, blobs: BlobStore) -> None:
        self._graph = graph
        self._blobs = blobs
        self._eraser = Eraser(graph, "media", own={HOLDS_IMAGE: self._loosen})

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        Listening(functions, events).to(
            ImageLoose,
            self._sweep,
            name="media.sweep",
            due=lambda event: event.until,
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )
        self._eraser.register(functions, events)

    async def _sweep(self, call: Call[ImageLoose]) -> Outcome:
        image = await self._graph.get(IMAGE, call.arguments.image)
        if image is None:
            return Done()
        write = self._graph.write(image.id)
        if not image.value.ending:
            if await self._is_shown(image):
                return Done()
            write.patch(IMAGE, image.id, version=image.version, ending=True)
            return Checkpoint("ending", write.batch())
        for size in (LARGE, SMALL):
            await self._blobs.delete(blob_name(image.value.key, size))
        write.delete(image.id)
        write.remove(HOLDS_IMAGE, image.value.owner, image.id)
        return Done(write.batch())

    async def _is_shown(self, image: Entry[Image]) -> bool:
        if image.value.kind == CARD:
            return image.value.post is not None
        owner = await self._graph.get(ACCOUNT, image.value.owner)
        if owner is None:
            return False
        if image.value.post is not None:
            return True
        shown = (owner.value.avatar, owner.value.header)
        return any(picture is not None and picture.image == image.id for picture in shown)

    async def _loosen(self, write: Write, account: int, rows: Sequence[base.Association]) -> None:
        """Pictures of a deleted account go now."""
        for row in rows:
            write.emit(ImageLoose(image=row.target, until=self._graph.now_ms()))
            write.remove(HOLDS_IMAGE, account, row.target)
