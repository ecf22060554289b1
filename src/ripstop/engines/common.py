"""What every engine must decide in the same way, so that a store can move from one to another."""

import zlib

import msgspec

from ripstop.kernel.ids import SHARDS

_LAST_CODE_POINT = 0x10FFFF

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def name_shard(name: str) -> int:
    """The shard, 0 to 1,023, where a name lives: the CRC-32 of its UTF-8, which is fixed for ever."""
    return zlib.crc32(name.encode()) % SHARDS


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
