"""From path, query and body to a struct."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ripstop.kernel.errors import Invalid
from ripstop.surfaces.http.params import Decoder, Id, Upload


class Everything(msgspec.Struct, kw_only=True):
    """One field of each sort."""

    text: str | None = None
    flag: bool = False
    maybe: bool | None = None
    number: int = 20
    max_id: Id | None = None
    ids: list[Id] = []
    ratio: float | None = None
    file: Upload | None = None


class Nested(msgspec.Struct, kw_only=True):
    """A struct in a struct."""

    inner: Everything | None = None


class Needy(msgspec.Struct, kw_only=True):
    """Fields without which it does not go."""

    id: Id
    name: str


EVERYTHING = Decoder(Everything)


@pytest.mark.parametrize("spelling", ["1", "true", "True", "TRUE", "t", "on", "yes", True, 1])
def test_every_spelling_of_true(spelling: Any) -> None:
    assert EVERYTHING.decode({}, [("flag", spelling)], None).flag is True


@pytest.mark.parametrize("spelling", ["0", "false", "False", "f", "off", "no", False, 0])
def test_every_spelling_of_false(spelling: Any) -> None:
    assert EVERYTHING.decode({}, [("maybe", spelling)], None).maybe is False


@pytest.mark.parametrize(("spelling", "meant"), [("on", True), ("off", False), ("", None)])
def test_spellings_within_what_is_nested(spelling: str, meant: bool | None) -> None:
    nested = Decoder(Nested)
    for given in (
        nested.decode({}, [("inner[maybe]", spelling)], None),
        nested.decode({}, [], {"inner": {"maybe": spelling}}),
    ):
        assert given.inner == Everything(maybe=meant)
    body = {"inner": {"number": "", "ids": "7"}}
    assert nested.decode({}, [], body).inner == Everything(ids=[7])
    assert body == {"inner": {"number": "", "ids": "7"}}, "what was sent is left as it is"


def test_empty_texts_stand_for_nothing_where_no_text_is_asked_for() -> None:
    params = EVERYTHING.decode({}, [("flag", ""), ("number", ""), ("max_id", ""), ("text", "")], None)
    assert params == Everything(text="")


def test_numbers_may_come_as_text_and_one_value_as_a_list() -> None:
    params = EVERYTHING.decode({}, [("number", "5"), ("ids", "7"), ("ratio", "0.5")], {"max_id": 9})
    assert params == Everything(number=5, ids=[7], ratio=0.5, max_id=9)


def test_null_is_a_text_like_any_other() -> None:
    assert EVERYTHING.decode({}, [("text", "null")], None).text == "null"


def test_the_path_counts_before_the_body_and_the_body_before_the_query() -> None:
    params = Decoder(Needy).decode({"id": 1}, [("id", "3"), ("name", "query")], {"id": 2, "name": "body"})
    assert params == Needy(id=1, name="body")


def test_an_uploaded_file_arrives_as_it_is() -> None:
    upload = Upload("a.png", "image/png", b"...")
    assert EVERYTHING.decode({}, [], {"file": upload}).file is upload


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"number": "many"}, "Validation failed: number: expected int, got str"),
        ({"flag": "perhaps"}, "Validation failed: flag: expected bool, got str"),
        ({"text": 5}, "Validation failed: text: expected str | null, got int"),
        ({"text": ["a"]}, "Validation failed: text: expected str | null, got array"),
        ({"ids": ["1", "x"]}, "Validation failed: ids[1]: expected int, got str"),
        ({"max_id": "9223372036854775808"}, "Validation failed: max_id: expected int <= 9223372036854775807"),
        ({"max_id": -1}, "Validation failed: max_id: expected int >= 0"),
        ({"max_id": "99999999999999999999999999"}, "Validation failed: max_id: expected int <= 9223372036854775807"),
        ({"file": "text"}, "Validation failed: file: expected Upload, got str"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        EVERYTHING.decode({}, [], body)
    assert caught.value.sentence == sentence


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Invalid, match="missing required field name"):
        Decoder(Needy).decode({"id": 1}, [], None)


def test_the_largest_id_is_taken() -> None:
    assert EVERYTHING.decode({}, [("max_id", str((1 << 63) - 1))], None).max_id == (1 << 63) - 1
