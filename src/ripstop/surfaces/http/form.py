"""Pairs of names and values, as in queries and forms, and the nested values that their names describe.

Names follow the convention that clients of the Mastodon API use: ``id[]=1&id[]=2`` and ``id[0]=1`` are lists,
``source[privacy]=public`` is an object, ``fields[][name]=a`` a list of objects. ``id[][]=1`` is a list too, not one of
lists: no parameter is that, and there are clients that double the brackets.
"""

from typing import Any
from urllib.parse import unquote_to_bytes

from ripstop.kernel.errors import BadRequest

Pairs = list[tuple[str, Any]]

MAX_PAIRS = 1_000
MAX_DEPTH = 5


def split_pairs(encoded: str) -> Pairs:
    """Split ``a=1&b=2`` and undo its encoding.

    :raises BadRequest: too many pairs, broken UTF-8, or a NUL character.
    """
    if not encoded:
        return []
    parts = encoded.split("&")
    if len(parts) > MAX_PAIRS:
        raise BadRequest(f"More than {MAX_PAIRS} parameters")
    pairs: Pairs = []
    for part in parts:
        name, _, value = part.partition("=")
        if name:
            pairs.append((_decode(name), _decode(value)))
    return pairs


def _decode(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise BadRequest("A parameter is not valid UTF-8") from None
    if "\x00" in decoded:
        raise BadRequest("A parameter holds a NUL character")
    return decoded


def nest(pairs: Pairs, into: dict[str, Any]) -> None:
    """Put pairs into `into` as their names describe; of two values for one name the later counts.

    :raises BadRequest: names that contradict each other, or nest deeper than any of ours do.
    """
    for name, value in pairs:
        if "[" in name and not name.startswith("["):
            _put(into, _keys(name), value)
        else:
            into[name] = value


def _keys(name: str) -> list[str]:
    head, *rest = name.replace("[][]", "[]").split("[")
    if len(rest) > MAX_DEPTH or not all(key.endswith("]") for key in rest):
        raise BadRequest("A parameter has a malformed name")
    return [head, *(key[:-1] for key in rest)]


def _put(container: dict[str, Any], keys: list[str], value: Any) -> None:
    """Walk down `keys`, making objects and lists as they call for; an empty or numeric key means a list."""
    here: Any = container
    for place, key in enumerate(keys[:-1]):
        following = keys[place + 1]
        here = _step(here, key, [] if _is_index(following) else {}, last_of=keys[-1])
    last = keys[-1]
    if isinstance(here, list):
        here.append(value)
    elif not isinstance(here, dict) or _is_index(last):
        raise _contradiction()
    else:
        here[last] = value


def _step(here: Any, key: str, fresh: Any, *, last_of: str) -> Any:
    if isinstance(here, list):
        # a[][x]=1&a[][y]=2 describe one object until a name comes again; a[1][x]=… goes to its place.
        if key:
            if int(key) < len(here):
                return here[int(key)]
        elif here and isinstance(here[-1], dict) and last_of not in here[-1]:
            return here[-1]
        here.append(fresh)
        return fresh
    if not isinstance(here, dict):
        raise _contradiction()
    there = here.setdefault(key, fresh)
    if type(there) is not type(fresh):
        raise _contradiction()
    return there


def _is_index(key: str) -> bool:
    return not key or (key.isascii() and key.isdigit() and len(key) <= 4)


def _contradiction() -> BadRequest:
    return BadRequest("Parameters contradict each other")
