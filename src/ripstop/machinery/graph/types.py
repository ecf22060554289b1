"""What the graph is made of: types of objects, of associations, and the sets of associations that are read together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from ripstop.engines.base import AssociationType, Counted

T = TypeVar("T", bound=msgspec.Struct)

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Pure: takes the fields of one schema number and gives those of the next."""

SCHEMA_FIELD = "$schema"


@dataclass(frozen=True, eq=False, slots=True)
class ObjectType(Generic[T]):
    """A type of objects: its stored number (never reused), its struct, and how older data becomes that struct.

    `schema` counts up when a change of the struct cannot be expressed by a default; ``upcasters[n]`` turns schema n
    into n + 1. The number is stored in the data only beyond 1.
    """

    number: int
    name: str
    struct: type[T]
    schema: int = 1
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [n for n in range(1, self.schema) if n not in self.upcasters]
        if missing:
            raise ValueError(f"object type {self.name} has no upcaster from schema {missing}")

    def encode(self, value: T) -> str:
        """The JSON text that is stored."""
        if self.schema == 1:
            return msgspec.json.encode(value).decode()
        return msgspec.json.encode({SCHEMA_FIELD: self.schema, **msgspec.to_builtins(value)}).decode()

    def decode(self, data: str) -> T:
        """The struct, brought up to the present schema."""
        if self.schema == 1:
            return msgspec.json.decode(data, type=self.struct)
        fields = msgspec.json.decode(data)
        for schema in range(fields.pop(SCHEMA_FIELD, 1), self.schema):
            fields = self.upcasters[schema](fields)
        return msgspec.convert(fields, self.struct)


@dataclass(frozen=True, eq=False, slots=True)
class Association:
    """One direction of a kind of edge. Forward directions are written; inverses follow by themselves."""

    engine: AssociationType
    number: int = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", self.engine.number)
        object.__setattr__(self, "name", self.engine.name)


def association(number: int, name: str, *, counted: Counted = Counted.EXACT) -> Association:
    """An association without an inverse."""
    return Association(AssociationType(number=number, name=name, counted=counted))


def association_pair(
    forward: tuple[int, str],
    inverse: tuple[int, str],
    *,
    counted: Counted = Counted.EXACT,
    inverse_counted: Counted = Counted.EXACT,
    inverse_keyed: bool = False,
) -> tuple[Association, Association]:
    """An association and its inverse, each given as (number, name).

    `inverse_keyed` makes the inverse answer `Graph.find` too, at the price of a second b-tree.
    """
    (number, name), (inverse_number, inverse_name) = forward, inverse
    return (
        Association(AssociationType(number=number, name=name, inverse=inverse_number, counted=counted)),
        Association(
            AssociationType(
                number=inverse_number,
                name=inverse_name,
                inverse=number,
                forward=False,
                counted=inverse_counted,
                keyed=inverse_keyed,
            )
        ),
    )


class TypeSet:
    """Associations that are read together from one source, so that what was read can be kept together.

    Declared once as a constant; two sets of the same types are different sets.
    """

    __slots__ = ("numbers", "types")

    def __init__(self, *types: Association) -> None:
        self.types = types
        self.numbers = tuple(t.number for t in types)
