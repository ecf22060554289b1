"""`ripstop export`: what is in the archive of an account, and that it is all of it and nobody else's."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.api.client import Api, Person
from tests.cli.test_backup import PICTURE
from tests.server import Server


class Archive:
    """A file that was exported, opened."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.names = set(self._zip.namelist())

    def json(self, name: str) -> Any:
        return json.loads(self._zip.read(name))

    def items(self, name: str) -> list[Any]:
        collection = self.json(name)
        assert collection["type"] == "OrderedCollection"
        assert collection["totalItems"] == len(collection["orderedItems"])
        return list(collection["orderedItems"])

    def table(self, name: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self._zip.read(name).decode())))


async def a_life(api: Api) -> tuple[Person, Person, Person]:
    """Somebody who posted all kinds of things, and knows two others."""
    alice, bob, carol = [await api.person(name) for name in ("alice", "bob", "carol")]
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"display_name": "Alice A."})
    await api.want("POST", f"/api/v1/accounts/{bob.id}/follow", as_=alice, form={"reblogs": "false"})
    await api.follow(carol, alice)
    await api.want("POST", f"/api/v1/accounts/{carol.id}/mute", as_=alice, form={"notifications": "false"})
    friends = await api.want("POST", "/api/v1/lists", as_=alice, form={"title": "Friends, close"})
    await api.want("POST", f"/api/v1/lists/{friends['id']}/accounts", as_=alice, form={"account_ids[]": bob.id})
    theirs = await api.publish(bob, "something of bob's")
    await api.want("POST", f"/api/v1/statuses/{theirs['id']}/reblog", as_=alice)
    await api.want("POST", f"/api/v1/statuses/{theirs['id']}/favourite", as_=alice)
    await api.want("POST", f"/api/v1/statuses/{theirs['id']}/bookmark", as_=alice)
    await api.publish(alice, f"an answer to @{bob.username}", in_reply_to_id=theirs["id"])
    await api.publish(alice, "for few", visibility="private", spoiler_text="careful")
    file = aiohttp.FormData()
    file.add_field("file", io.BytesIO(PICTURE), filename="a.jpg")
    file.add_field("description", "a hill")
    media = await api.want("POST", "/api/v2/media", as_=alice, data=file)
    await api.want("POST", "/api/v1/statuses", as_=alice, json={"status": "#Größe", "media_ids": [media["id"]]})
    await api.drained()
    return alice, bob, carol


@pytest.fixture
async def exported(server: Server, tmp_path: Path) -> tuple[Archive, Server, Person, Person, Person]:
    async with aiohttp.ClientSession() as session:
        people = await a_life(Api(session, server))
    done = await asyncio.to_thread(server.run, "export", people[0].username, "--to", str(tmp_path / "alice.zip"))
    assert done.returncode == 0, done.stderr
    again = await asyncio.to_thread(server.run, "export", people[0].username, "--to", str(tmp_path / "alice.zip"))
    assert (again.returncode, "not written over" in again.stderr) == (1, True)
    return Archive(tmp_path / "alice.zip"), server, *people


async def test_everything_is_in_it(exported: tuple[Archive, Server, Person, Person, Person]) -> None:
    archive, server, alice, bob, _ = exported
    me = f"{server.url}/@{alice.username}"
    assert archive.json("actor.json")["name"] == "Alice A."
    repost, answer, private, picture = archive.items("outbox.json")
    assert (repost["type"], repost["actor"]) == ("Announce", me)
    assert repost["object"].startswith(f"{server.url}/@{bob.username}/")
    assert (answer["type"], answer["object"]["inReplyTo"]) == ("Create", repost["object"])
    assert answer["object"]["tag"][0]["href"] == f"{server.url}/@{bob.username}"
    assert (private["object"]["summary"], private["to"]) == ("careful", [f"{me}/followers"])
    assert "https://www.w3.org/ns/activitystreams#Public" in picture["to"]
    assert picture["object"]["tag"][0]["href"] == f"{server.url}/tags/gr%C3%B6%C3%9Fe"
    [document] = picture["object"]["attachment"]
    assert document["name"] == "a hill"
    assert {name for name in archive.names if name.startswith("media/")} == {document["url"]}
    assert archive.items("likes.json") == archive.items("bookmarks.json") == [repost["object"]]


async def test_people_are_in_the_tables_that_mastodon_imports(
    exported: tuple[Archive, Server, Person, Person, Person],
) -> None:
    archive, server, _, bob, carol = exported
    domain = server.url.removeprefix("http://")
    assert archive.table("following_accounts.csv") == [
        ["Account address", "Show boosts", "Notify on new posts", "Languages"],
        [f"{bob.username}@{domain}", "false", "false", ""],
    ]
    assert archive.table("followers.csv")[1:] == [[f"{carol.username}@{domain}"]]
    assert archive.table("muted_accounts.csv")[1:] == [[f"{carol.username}@{domain}", "false"]]
    assert archive.table("lists.csv") == [["Friends, close", f"{bob.username}@{domain}"]]
    assert archive.table("blocked_accounts.csv") == []
    assert archive.table("bookmarks.csv") == [[address] for address in archive.items("bookmarks.json")]


def test_who_is_not_here_cannot_be_exported(server: Server, tmp_path: Path) -> None:
    refused = server.run("export", "nobody", "--to", str(tmp_path / "x.zip"))
    assert (refused.returncode, refused.stderr) == (1, "ripstop: Record not found\n")
    assert list(tmp_path.iterdir()) == []
