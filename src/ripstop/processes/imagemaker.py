"""Making pictures anew, for whoever must not do it in his own process: a client of the picture process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ripstop.domain.media.imaging import Pictures, Size
from ripstop.kernel.errors import Invalid
from ripstop.processes.client import HelperClient
from ripstop.processes.jobs import IMAGING, Answer, MakePictures, Unusable

NOT_NOW = "Pictures cannot be processed at the moment. Please try again a little later."


def imaging_client(path: Path) -> HelperClient[MakePictures, Answer]:
    """A client of the picture process at this socket."""
    return HelperClient(path, IMAGING, busy=NOT_NOW, gone=NOT_NOW)


class Imaging:
    """Pictures made in the picture process."""

    def __init__(self, client: HelperClient[MakePictures, Answer]) -> None:
        self._client = client

    async def make(self, data: bytes, sizes: Sequence[Size]) -> Pictures:
        return _checked(await self._client.ask(MakePictures(data, tuple(sizes))))


class ThreadImaging:
    """Pictures made in a thread of this process, for programs that have no supervisor to start another."""

    async def make(self, data: bytes, sizes: Sequence[Size]) -> Pictures:
        # NOTE: not above, since it comes with Pillow, which nobody needs who has the picture process.
        from ripstop.processes.pixels import make

        return _checked(await asyncio.to_thread(make, data, sizes))


def _checked(answer: Answer) -> Pictures:
    if isinstance(answer, Unusable):
        raise Invalid(
            f"Validation failed: File {answer.sentence}", details={"file": [("ERR_INVALID", answer.sentence)]}
        )
    return answer
