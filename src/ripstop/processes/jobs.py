"""What HTTP processes and workers ask of helper processes, and how it travels over their Unix sockets.

A frame is its length, four bytes with the highest first, and one job or reply in MessagePack. Another kind of work
is another `Job`, with its entry in `ripstop.processes.helper`, or a process and a `Codec` of its own.
"""

import asyncio
from typing import Any, Generic, TypeVar

import msgspec

from ripstop.domain.media.imaging import Pictures, Size

J = TypeVar("J")
A = TypeVar("A")


class Job(msgspec.Struct, frozen=True, array_like=True, tag_field="job"):
    """Work for a helper. Idempotent, since it is sent again when the helper dies over it."""


class HashPassword(Job, frozen=True, tag="hash"):
    """Answer: the encoded hash."""

    password: str


class VerifyPassword(Job, frozen=True, tag="verify"):
    """Answer: whether `encoded` is a hash of the password."""

    password: str
    encoded: str


AnyJob = HashPassword | VerifyPassword


class MakePictures(Job, frozen=True, tag="pictures"):
    """Answer: what was uploaded, made anew in these sizes, or why that cannot be."""

    data: bytes
    sizes: tuple[Size, ...]


class Unusable(msgspec.Struct, frozen=True, array_like=True, tag="unusable"):
    """No picture that can be taken; `sentence` says why."""

    sentence: str


class Question(msgspec.Struct, Generic[J], frozen=True, array_like=True):
    """A job with the number by which its reply is known on this connection."""

    number: int
    job: J


class Reply(msgspec.Struct, Generic[A], frozen=True, array_like=True):
    """`answer` None: refused, because too much is waiting already."""

    number: int
    answer: A | None


class Codec(Generic[J, A]):
    """Frames to bytes and back, of at most so many bytes."""

    def __init__(self, job: Any, answer: Any, *, most: int) -> None:
        self.most = most
        self.questions: msgspec.msgpack.Decoder[Question[J]] = msgspec.msgpack.Decoder(Question[job])
        self.replies: msgspec.msgpack.Decoder[Reply[A]] = msgspec.msgpack.Decoder(Reply[answer])
        self._encoder = msgspec.msgpack.Encoder()

    def frame(self, value: Question[J] | Reply[A]) -> bytes:
        body = self._encoder.encode(value)
        return len(body).to_bytes(4, "big") + body

    async def read_frame(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next frame's body, or None: the other end is gone, or talks nonsense."""
        try:
            length = int.from_bytes(await reader.readexactly(4), "big")
            return await reader.readexactly(length) if length <= self.most else None
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


HASHING: Codec[AnyJob, str | bool] = Codec(AnyJob, str | bool, most=1 << 20)

Answer = Pictures | Unusable
IMAGING: Codec[MakePictures, Answer] = Codec(MakePictures, Answer, most=32 << 20)
