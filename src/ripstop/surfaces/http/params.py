"""From path, query and body to the struct that a handler declares.

Conversion is lax about spelling and strict about meaning: ``"1"``, ``"true"`` and ``"on"`` are booleans, ``"12"`` is
a number, one value stands for a list of one, an empty text for a missing number; everything else is an error.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from ripstop.kernel.errors import Invalid, TooLarge
from ripstop.kernel.ids import MAX_ID
from ripstop.surfaces.http.form import Pairs, nest

P = TypeVar("P", bound=msgspec.Struct)

Id = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
"""An id, or a cursor, in a query or body. Beyond 63 bits it is refused."""

Tidy = Callable[[Any], Any]
"""From a value as it was spelled to what can be converted, or `_ABSENT`."""

_FALSE = frozenset({"false", "0", "f", "off", "no"})
_TRUE = frozenset({"true", "1", "t", "on", "yes"})


class Upload:
    """A file that came in a multipart form."""

    __slots__ = ("content_type", "data", "name")

    def __init__(self, name: str, content_type: str, data: bytes) -> None:
        self.name = name
        self.content_type = content_type
        self.data = data


class Decoder(Generic[P]):
    """Builds one kind of params. Made once per route, since looking at a struct's types is slow."""

    def __init__(self, struct: type[P]) -> None:
        self._struct = struct
        self._tidy = _tidies(_fields(struct))

    def decode(self, args: Mapping[str, int | str], query: Pairs, body: Mapping[str, Any] | None) -> P:
        """One struct of what the path, the body and the query say; of two, the former counts.

        :raises Invalid: a value is missing, of the wrong type or out of range; the sentence names it.
        """
        values: dict[str, Any] = {}
        if query:
            nest(query, values)
        if body:
            values.update(body)
        if args:
            values.update(args)
        if values:
            _tidy_up(values, self._tidy)
        try:
            return msgspec.convert(values, self._struct, strict=False)
        except msgspec.ValidationError as error:
            raise Invalid(f"Validation failed: {_sentence(error)}") from None
        except RecursionError:
            raise TooLarge("The parameters nest too deeply") from None


class _Absent:
    pass


_ABSENT = _Absent()


def _fields(struct: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return kind.fields


def _tidies(fields: Iterable[inspect.Field]) -> dict[str, Tidy]:
    """What to do with values before they are converted, by the name of their field."""
    return {
        field.encode_name: tidy
        for field in fields
        if (tidy := _tidy_for(field.type, required=field.required)) is not None
    }


def _tidy_up(values: dict[str, Any], tidies: Mapping[str, Tidy]) -> None:
    for name, tidy in tidies.items():
        if name in values:
            value = tidy(values[name])
            if value is _ABSENT:
                del values[name]
            else:
                values[name] = value


def _tidy_for(kind: inspect.Type, *, required: bool) -> Tidy | None:
    """What to do with a field's value before it is converted, or None: nothing."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    if any(isinstance(one, inspect.BoolType) for one in kinds):
        return _tidy_bool
    if any(isinstance(one, inspect.ListType | inspect.SetType | inspect.FrozenSetType) for one in kinds):
        return _tidy_list
    if not required and any(isinstance(one, inspect.IntType | inspect.FloatType) for one in kinds):
        return _tidy_number
    for one in kinds:
        if isinstance(one, inspect.StructType) and (inner := _tidies(one.fields)):
            return partial(_tidy_struct, tidies=inner)
    return None


def _tidy_struct(value: Any, tidies: Mapping[str, Tidy]) -> Any:
    if isinstance(value, dict):
        value = dict(value)
        _tidy_up(value, tidies)
    return value


def _tidy_bool(value: Any) -> Any:
    if isinstance(value, str):
        lower = value.strip().lower()
        if not lower:
            return _ABSENT
        if lower in _TRUE:
            return True
        if lower in _FALSE:
            return False
    return value


def _tidy_list(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


def _tidy_number(value: Any) -> Any:
    return _ABSENT if value == "" else value


def _sentence(error: msgspec.ValidationError) -> str:
    """``Expected `int`, got `str` - at `$.limit` `` as ``limit: expected int, got str``."""
    what, _, where = str(error).replace("`", "").partition(" - at ")
    place = where.removeprefix("$").removeprefix(".")
    what = what[:1].lower() + what[1:]
    return f"{place}: {what}" if place else what
