"""What every engine must decide in the same way, so that a store can move from one to another."""

import zlib
from functools import lru_cache

import msgspec

from ripstop.kernel.ids import SHARDS

_LAST_CODE_POINT = 0x10FFFF

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def name_shard(name: str) -> int:
    """The shard, 0 to 1,023, where a name lives: the CRC-32 of its UTF-8, which is fixed for ever."""
    return zlib.crc32(name.encode()) % SHARDS


LINE_BITS = 61
"""Of a lane, those that name the line; the two above are the criticality."""

CLASSES = 4
"""Criticalities that a lane can tell apart: whoever asks for others finds nothing."""

NAMESPACE_BITS = 32

MOST_LINES = 64
"""Lines of one class that a request for leases opens at most, so that its cost is bounded; others have their turn."""


def call_line(function: str, namespace: str | None = None) -> int:
    """The number of the line in which calls of a function and namespace wait: a hash of 29 and one of 32 bits.

    The lines of a function follow each other, that of no namespace first.
    """
    low = 0 if namespace is None else zlib.crc32(namespace.encode())
    return zlib.crc32(function.encode()) >> 3 << NAMESPACE_BITS | low


@lru_cache(maxsize=4096)
def call_lane(criticality: int, function: str, namespace: str | None = None) -> int:
    """By what ready calls are sorted before their deadlines: the criticality, then the line."""
    return criticality << LINE_BITS | call_line(function, namespace)


def merge_patch(data: str, patch: str) -> str:
    """Set the top-level fields that `patch` names, remove those that it sets to null; others keep their bytes.

    :raises msgspec.DecodeError: one of them is not a JSON object.
    """
    fields = _fields.decode(data)
    for name, value in _fields.decode(patch).items():
        if bytes(value) == b"null":
            fields.pop(name, None)
        else:
            fields[name] = value
    return _encode(fields).decode()


def prefix_end(prefix: str) -> str | None:
    """The lowest text that sorts, by the bytes of its UTF-8, after everything that begins with `prefix`.

    None if there is no such text. The order of UTF-8 is that of code points, so the last one is stepped up.
    """
    for last in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[last]) + 1
        if 0xD800 <= following <= 0xDFFF:  # surrogates have no UTF-8
            following = 0xE000
        if following <= _LAST_CODE_POINT:
            return prefix[:last] + chr(following)
    return None
