"""Schemas that grow, and numbers that never meet."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ripstop.domain import settings
from ripstop.domain.accounts import model as accounts
from ripstop.domain.conversations import model as conversations
from ripstop.domain.feeds import model as feeds
from ripstop.domain.follows import model as follows
from ripstop.domain.media import model as media
from ripstop.domain.moderation import model as moderation
from ripstop.domain.notifications import model as notifications
from ripstop.domain.posts import model as posts
from ripstop.domain.previews import model as previews
from ripstop.machinery.graph import ObjectType


class Old(msgspec.Struct, frozen=True):
    name: str


class Person(msgspec.Struct, frozen=True):
    given: str
    family: str = ""


def split_name(fields: dict[str, Any]) -> dict[str, Any]:
    given, _, family = fields.pop("name").partition(" ")
    return {**fields, "given": given, "family": family}


def test_older_data_is_brought_up() -> None:
    old = ObjectType(1, "person", Old)
    new = ObjectType(1, "person", Person, schema=2, upcasters={1: split_name})
    assert new.decode(old.encode(Old("Ada Lovelace"))) == Person("Ada", "Lovelace")
    assert new.decode(new.encode(Person("Ada", "Lovelace"))) == Person("Ada", "Lovelace")


def test_fields_of_a_newer_program_are_ignored() -> None:
    assert ObjectType(1, "person", Old).decode('{"name":"Ada","born":1815}') == Old("Ada")


def test_a_gap_in_the_upcasters_is_refused() -> None:
    with pytest.raises(ValueError, match="upcaster"):
        ObjectType(1, "person", Person, schema=3, upcasters={2: split_name})


def test_numbers_are_unique_over_all_packages() -> None:
    packages = (accounts, follows, media, posts, notifications, conversations, moderation, settings, feeds, previews)
    associations = [a.number for package in packages for a in package.ASSOCIATIONS]
    assert len(associations) == len(set(associations))
    objects = [o.number for package in packages for o in getattr(package, "OBJECTS", ())]
    assert len(objects) == len(set(objects))
