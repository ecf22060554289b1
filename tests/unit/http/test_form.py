"""Pairs of names and values, and what their names describe."""

from __future__ import annotations

from typing import Any

import pytest

from ripstop.kernel.errors import BadRequest
from ripstop.surfaces.http.form import MAX_PAIRS, nest, split_pairs


def nested(encoded: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    nest(split_pairs(encoded), values)
    return values


@pytest.mark.parametrize(
    ("encoded", "values"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": "2"}),
        ("a", {"a": ""}),
        ("=1&&a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("q=caf%C3%A9+au%20lait", {"q": "café au lait"}),
        ("id[]=1&id[]=2", {"id": ["1", "2"]}),
        ("id[][]=1&id[][]=2", {"id": ["1", "2"]}),
        ("id%5B%5D=1", {"id": ["1"]}),
        ("id[0]=a&id[1]=b", {"id": ["a", "b"]}),
        ("source[privacy]=public&source[language]=en", {"source": {"privacy": "public", "language": "en"}}),
        ("poll[options][]=a&poll[options][]=b", {"poll": {"options": ["a", "b"]}}),
        ("f[][n]=a&f[][v]=1&f[][n]=b", {"f": [{"n": "a", "v": "1"}, {"n": "b"}]}),
        ("f[0][n]=a&f[0][v]=1&f[1][n]=b", {"f": [{"n": "a", "v": "1"}, {"n": "b"}]}),
    ],
)
def test_names_describe_values(encoded: str, values: dict[str, Any]) -> None:
    assert nested(encoded) == values


@pytest.mark.parametrize(
    "encoded",
    [
        "a=%ff",
        "%c3=1",
        "a=%00",
        "a[b=1",
        "a[b]c=1",
        "a[b][c][d][e][f][g]=1",
        "a=1&a[b]=2",
        "a[]=1&a[b]=2",
        "a[b]=1&a[]=2",
        "a[][b]=1&a[][b][c]=2&a[][b][][]=1",
        "&".join(["a=1"] * (MAX_PAIRS + 1)),
    ],
)
def test_what_makes_no_sense_is_refused(encoded: str) -> None:
    with pytest.raises(BadRequest):
        nested(encoded)
