"""Every route reads its parameters alike from JSON, an urlencoded form, a multipart form and a query.

The table is made from the routes: for each field of each struct of parameters a value of its type, spelled in each way
that clients spell it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import pytest
from msgspec import inspect

from ripstop.surfaces.http.body import parse_body
from ripstop.surfaces.http.form import Pairs, split_pairs
from ripstop.surfaces.http.openapi import key_of
from ripstop.surfaces.http.params import Decoder
from ripstop.surfaces.http.routing import Route
from tests.described import all_routes

TRUE = ["true", "True", "TRUE", "1", "on", "yes", "t"]
FALSE = ["false", "False", "FALSE", "0", "off", "no", "f"]

Values = dict[str, Any]


class Parameters(NamedTuple):
    """What a route takes beside its path."""

    route: Route
    struct: type[msgspec.Struct]
    args: Mapping[str, int | str]
    fields: dict[str, inspect.Type]

    def of_body(self, kind: str, body: bytes) -> msgspec.Struct:
        return Decoder(self.struct).decode(self.args, [], parse_body(kind, body))

    def of_query(self, query: str) -> msgspec.Struct:
        return Decoder(self.struct).decode(self.args, split_pairs(query), None)

    def spelled(self, values: Values) -> dict[str, msgspec.Struct]:
        """What is read from each spelling of the same values."""
        pairs = list(pairs_of(values))
        form = urlencode(pairs)
        return {
            "JSON": self.of_body("application/json; charset=utf-8", msgspec.json.encode(values)),
            "form": self.of_body("application/x-www-form-urlencoded", form.encode()),
            "multipart": self.of_body("multipart/form-data; boundary=bb", multipart(pairs)),
            "query": self.of_query(form),
        }


@pytest.fixture
async def every(tmp_path: Path) -> AsyncIterator[list[Parameters]]:
    """The parameters of every route that has any."""
    async with all_routes(tmp_path) as routes:
        yield [parameters_of(route) for route in routes if route.params is not None]


def parameters_of(route: Route) -> Parameters:
    struct = route.params
    assert struct is not None
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    fields = {field.encode_name: field.type for field in kind.fields}
    args: dict[str, int | str] = {
        name: 7 if isinstance(type_, inspect.IntType) else "seven"
        for name, type_ in fields.items()
        if f"{{{name}}}" in route.pattern
    }
    return Parameters(route, struct, args, {name: type_ for name, type_ in fields.items() if name not in args})


def pairs_of(values: Values, inside: str = "") -> Iterator[tuple[str, str]]:
    """Values as forms spell them."""
    for name, value in values.items():
        full = f"{inside}[{name}]" if inside else name
        if isinstance(value, dict):
            yield from pairs_of(value, full)
        elif isinstance(value, list):
            for item in value:
                yield from pairs_of(item, f"{full}[]") if isinstance(item, dict) else [(f"{full}[]", str(item))]
        else:
            yield full, str(value).lower() if isinstance(value, bool) else str(value)


def multipart(pairs: Pairs) -> bytes:
    parts = [f'--bb\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs]
    return "".join([*parts, "--bb--\r\n"]).encode()


def choices(type_: inspect.Type) -> tuple[inspect.Type, ...]:
    return type_.types if isinstance(type_, inspect.UnionType) else (type_,)


def value_of(type_: inspect.Type) -> Any:
    """Some value of a type; None where a form has none that could be compared."""
    for one in choices(type_):
        match one:
            case inspect.BoolType():
                return True
            case inspect.IntType(ge=least):
                return max(least or 0, 1) + 11
            case inspect.StrType():
                return "Ünï + & = % ☃ \r\n[x]"
            case inspect.ListType(item_type=item):
                value = value_of(item)
                return None if value is None else [value]
            case inspect.StructType(fields=fields):
                found = {field.encode_name: value_of(field.type) for field in fields}
                return {name: value for name, value in found.items() if value is not None} or None
            case inspect.LiteralType(values=values):
                return values[0]
    return None


async def test_all_spellings_of_everything_are_read_alike(every: list[Parameters]) -> None:
    compared = 0
    for parameters in every:
        found = {name: value_of(type_) for name, type_ in parameters.fields.items()}
        values = {name: value for name, value in found.items() if value is not None}
        spelled = parameters.spelled(values)
        assert len({repr(read) for read in spelled.values()}) == 1, f"{key_of(parameters.route)}: {spelled}"
        read = msgspec.to_builtins(spelled["JSON"])
        assert {name: read[name] for name in values if not isinstance(values[name], dict)} == {
            name: value for name, value in values.items() if not isinstance(value, dict)
        }
        compared += len(values)
    assert compared > 100


async def test_booleans_in_every_spelling(every: list[Parameters]) -> None:
    compared = 0
    for parameters in every:
        for name, type_ in parameters.fields.items():
            if not any(isinstance(one, inspect.BoolType) for one in choices(type_)):
                continue
            others = required_beside(parameters, name)
            for wanted, texts in ((True, TRUE), (False, FALSE)):
                for said in (*texts, wanted, int(wanted)):
                    for how, read in parameters.spelled({**others, name: said}).items():
                        assert msgspec.to_builtins(read)[name] is wanted, f"{key_of(parameters.route)} {how} {said!r}"
                        compared += 1
    assert compared > 500


async def test_lists_in_every_spelling(every: list[Parameters]) -> None:
    compared = 0
    for parameters in every:
        for name, type_ in parameters.fields.items():
            item = next((one.item_type for one in choices(type_) if isinstance(one, inspect.ListType)), None)
            value = None if item is None else value_of(item)
            if value is None or isinstance(value, dict):
                continue
            others = required_beside(parameters, name)
            beside = urlencode(list(pairs_of(others)))
            one, two = urlencode({name: value}), urlencode({f"{name}[]": value})
            reads = {
                "one text": (parameters.of_query(f"{beside}&{one}"), 1),
                "one in brackets": (parameters.of_query(f"{beside}&{two}"), 1),
                "two in brackets": (parameters.of_query(f"{beside}&{two}&{two}"), 2),
                "two with places": (
                    parameters.of_query(f"{beside}&{urlencode({f'{name}[0]': value, f'{name}[1]': value})}"),
                    2,
                ),
                "one in JSON": (
                    parameters.of_body("application/json", msgspec.json.encode({**others, name: value})),
                    1,
                ),
                "two in JSON": (
                    parameters.of_body("application/json", msgspec.json.encode({**others, name: [value] * 2})),
                    2,
                ),
            }
            for how, (read, times) in reads.items():
                assert msgspec.to_builtins(read)[name] == [value] * times, f"{key_of(parameters.route)} {name} {how}"
                compared += 1
    assert compared > 50


def required_beside(parameters: Parameters, name: str) -> Values:
    """A value for each other field that must have one."""
    kind = inspect.type_info(parameters.struct)
    assert isinstance(kind, inspect.StructType)
    return {
        field.encode_name: value_of(field.type)
        for field in kind.fields
        if field.required and field.encode_name != name and field.encode_name in parameters.fields
    }
