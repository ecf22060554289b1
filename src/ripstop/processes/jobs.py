"""What HTTP processes and workers ask of the helper process, and how it travels over their Unix socket.

A frame is its length, four bytes with the highest first, and one job or reply in MessagePack. Another kind of work
is another `Job`, with its entry in `ripstop.processes.helper`.
"""

import asyncio
from typing import NamedTuple

import msgspec

MAX_FRAME = 1 << 20


class Job(msgspec.Struct, frozen=True, array_like=True, tag_field="job"):
    """Work for the helper. Idempotent, since it is sent again when the helper dies over it."""


class HashPassword(Job, frozen=True, tag="hash"):
    """Answer: the encoded hash."""

    password: str


class VerifyPassword(Job, frozen=True, tag="verify"):
    """Answer: whether `encoded` is a hash of the password."""

    password: str
    encoded: str


AnyJob = HashPassword | VerifyPassword


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A job with the number by which its reply is known on this connection."""

    number: int
    job: AnyJob


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """`answer` None: refused, because too much is waiting already."""

    number: int
    answer: str | bool | None


class Codec(NamedTuple):
    """Frames to bytes and back."""

    encoder: msgspec.msgpack.Encoder
    questions: "msgspec.msgpack.Decoder[Question]"
    replies: "msgspec.msgpack.Decoder[Reply]"


CODEC = Codec(msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Question), msgspec.msgpack.Decoder(Reply))


def frame(value: Question | Reply) -> bytes:
    body = CODEC.encoder.encode(value)
    return len(body).to_bytes(4, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame's body, or None: the other end is gone, or talks nonsense."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        return await reader.readexactly(length) if length <= MAX_FRAME else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
