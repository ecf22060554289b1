"""The world in which nothing may leak: alice, and how others stand to her.

It is built so that everybody once could see everything: followed alice, was named in all that she wrote, liked it, kept
it at hand, had it in their home and was told of it. Then all but a few are parted from her, in every way there is; what
was theirs is to be gone. After that she writes once more. Sam does as she does, and is suspended in the end.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace

import aiohttp

from ripstop.boot import opened_graph
from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.leaving import suspend
from tests.api.client import Api, Person
from tests.leaks.oracle import DIRECT, PRIVATE, PUBLIC, UNLISTED, VIEWERS, VISIBILITIES, Item, Viewer
from tests.server import Server, patiently

STILL_NAMED = frozenset({"named", "renamed", "dave"})
NAMED_LATER = STILL_NAMED | {"blocked", "blocker", "muter", "silencer"}
NOBODY = frozenset({"anonymous", "application"})


@dataclass
class World:
    """Who lives there, and what was written.

    :ivar tag: the hashtag and the word that all of alice's posts have.
    :ivar own: what each viewer wrote, and alice liked and passed on.
    :ivar lists: each viewer's list of alice, bob and dave.
    :ivar liked: a post of dave's that alice likes and passed on to everybody.
    :ivar whispered: one that she passed on to her followers alone.
    """

    tag: str = field(default_factory=lambda: f"leak{secrets.token_hex(4)}")
    people: dict[str, Person] = field(default_factory=dict)
    app_token: str = ""
    items: list[Item] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    liked: str = ""
    whispered: str = ""

    def token(self, viewer: Viewer) -> str | None:
        if viewer.name == "application":
            return self.app_token
        return self.people[viewer.name].token if viewer.has_account else None

    @property
    def alice(self) -> Person:
        return self.people["alice"]


FRIENDS = ("alice", "bob", "dave", "sam")
"""Whom everybody follows at first."""


async def build_world(server: Server) -> World:
    """Everything, drained."""
    connector = aiohttp.TCPConnector(keepalive_timeout=5)  # as in tests/api/conftest.py
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        builder = Builder(Api(session, server), World())
        await builder.meet()
        await builder.write()
        await builder.enjoy()
        await builder.change()
        await builder.part()
        await builder.suspend(server)
        await builder.write_again()
        await builder.api.drained()
    return builder.world


class Builder:
    """Makes the world, step by step."""

    def __init__(self, api: Api, world: World) -> None:
        self.api = api
        self.world = world

    def names(self, who: frozenset[str]) -> str:
        return " ".join(f"@{self.world.people[name].username}" for name in sorted(who))

    async def publish(
        self, kind: str, visibility: str, named: frozenset[str], *, author: str = "alice", **fields: str
    ) -> Item:
        """A new post with the hashtag."""
        marker = f"{kind}x{secrets.token_hex(5)}"
        text = f"{marker} #{self.world.tag} {self.names(named)}"
        post = await self.api.publish(self.world.people[author], text, visibility=visibility, **fields)
        assert post["visibility"] == visibility
        return Item(marker, post["id"], visibility, author=author, named=named)

    async def meet(self) -> None:
        """Everybody follows alice, bob and dave, and has them in a list; dave follows alice, and she him."""
        api, people = self.api, self.world.people
        self.world.app_token = await api.app_token()
        for name in ("bob", "dave", "sam", *(viewer.name for viewer in VIEWERS if viewer.has_account)):
            people[name] = await api.person(name)
        for name in ("alice", "sam"):
            form = {"indexable": "true"}
            await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=people[name], form=form)
        await asyncio.gather(*(self._meet(name) for name in people))

    async def _meet(self, name: str) -> None:
        api, people = self.api, self.world.people
        who = people[name]
        for other in FRIENDS:
            if other != name:
                await api.follow(who, people[other])
        list_ = await api.want("POST", "/api/v1/lists", as_=who, form={"title": "all of them"})
        self.world.lists[name] = list_["id"]
        members = [("account_ids[]", people[other].id) for other in FRIENDS]
        await api.want("POST", f"/api/v1/lists/{list_['id']}/accounts", as_=who, form=members)
        self.world.own[name] = (await api.publish(who, f"mine, {name}", visibility=UNLISTED))["id"]
        await api.want("GET", "/api/v1/timelines/home", as_=who)  # from now on what is new is pushed to it

    async def write(self) -> None:
        """Of every visibility: a post, an answer, and one that will be deleted, all of them naming all."""
        api, world = self.api, self.world
        everybody = frozenset(world.people) - {"alice", "bob"}
        root = await self._by_dave("root")
        world.items.append(root)
        for visibility in VISIBILITIES:
            post = await self.publish("post", visibility, everybody)
            answer = await self.publish("answer", visibility, everybody, in_reply_to_id=root.id)
            gone = await self.publish("gone", visibility, everybody)
            world.items += [post, replace(answer, parent=root.id, answers="dave"), gone]
            world.items += [await self._by_dave("under", parent=one.id, answers="alice") for one in (post, gone)]
            hushed = await self.publish("hushed", visibility, everybody | {"alice"}, author="sam")
            world.items.append(hushed)
            if visibility in (PUBLIC, UNLISTED):
                world.items += [await self._by_dave("quoting", quotes=one.id) for one in (post, gone, hushed)]
        await api.drained()

    async def _by_dave(self, kind: str, *, parent: str = "", answers: str = "", quotes: str = "") -> Item:
        marker = f"{kind}x{secrets.token_hex(5)}"
        fields = {"in_reply_to_id": parent, "quoted_status_id": quotes}
        fields = {name: value for name, value in fields.items() if value}
        post = await self.api.publish(self.world.people["dave"], marker, **fields)
        return Item(marker, post["id"], PUBLIC, author="dave", parent=parent, answers=answers, quotes=quotes)

    async def enjoy(self) -> None:
        """Everybody likes and keeps all of it; bob passes on what he may; alice does so with what they wrote."""
        api, world = self.api, self.world
        await asyncio.gather(*(self._enjoy(person) for name, person in world.people.items() if name != "bob"))
        for number, item in enumerate(world.items):
            if item.author != "dave" and item.visibility in (PUBLIC, UNLISTED):
                await self.act(item.id, "reblog", "bob")
                world.items[number] = replace(item, reposted=True)
            if item.visibility == PRIVATE and item.marker.startswith("post"):
                await self.act(item.id, "reblog", "alice")
        for id_ in world.own.values():
            await self.act(id_, "favourite", "alice")
            await self.act(id_, "reblog", "alice")
        dave = world.people["dave"]
        world.liked, world.whispered = [
            (await api.publish(dave, text, visibility=UNLISTED))["id"] for text in ("liked", "whispered")
        ]
        await self.act(world.liked, "favourite", "alice")
        await self.act(world.liked, "reblog", "alice")
        await self.act(world.whispered, "reblog", "alice", visibility=PRIVATE)
        await api.drained()

    async def _enjoy(self, person: Person) -> None:
        for item in self.world.items:
            for verb in ("favourite", "bookmark"):
                await self.api.want("POST", f"/api/v1/statuses/{item.id}/{verb}", as_=person)
        await self.api.want("GET", "/api/v1/timelines/home", as_=person)

    async def act(self, post: str, verb: str, who: str, **form: str) -> None:
        await self.api.want("POST", f"/api/v1/statuses/{post}/{verb}", as_=self.world.people[who], form=form)

    async def change(self) -> None:
        """Alice edits what she wrote, to name hardly anybody; deletes some of it; and pins what she can."""
        api, world, alice = self.api, self.world, self.world.alice
        for number, item in enumerate(world.items):
            if item.author != "alice":
                continue
            for named in (STILL_NAMED - {"renamed"}, STILL_NAMED):
                await api.edit(alice, item.id, f"{item.marker} #{world.tag} {self.names(named)}")
            world.items[number] = replace(item, named=STILL_NAMED)
            if item.marker.startswith("gone"):
                answer = await api.delete(f"/api/v1/statuses/{item.id}", as_=alice)
                assert answer.status == 200, answer.body
                world.items[number] = replace(world.items[number], deleted=True)
            elif item.marker.startswith("post") and item.visibility != DIRECT:
                await self.act(item.id, "pin", "alice")
                world.items[number] = replace(world.items[number], pinned=True)
        await api.drained()

    async def part(self) -> None:
        """How everybody stands to alice from now on."""
        api, people, alice = self.api, self.world.people, self.world.alice
        for viewer in VIEWERS:
            if viewer.is_alice or not viewer.has_account:
                continue
            who = people[viewer.name]
            if viewer.followed:
                await api.follow(alice, who)
            if viewer.name == "removed":
                await api.want("POST", f"/api/v1/accounts/{who.id}/remove_from_followers", as_=alice)
            elif viewer.blocked:
                await api.want("POST", f"/api/v1/accounts/{who.id}/block", as_=alice)
            elif viewer.blocks:
                await api.want("POST", f"/api/v1/accounts/{alice.id}/block", as_=who)
            elif not viewer.follows:
                await api.want("POST", f"/api/v1/accounts/{alice.id}/unfollow", as_=who)
            if viewer.mutes:
                form = {"notifications": str(viewer.silences).lower()}
                await api.want("POST", f"/api/v1/accounts/{alice.id}/mute", as_=who, form=form)
        await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"locked": "true"})
        await api.follow(people["asker"], alice)
        await api.drained()

    async def suspend(self, server: Server) -> None:
        """Sam is suspended, by another process."""

        async def act() -> None:
            async with opened_graph(server.configuration) as graph:
                await suspend(graph, await access_account(graph, int(self.world.people["sam"].id)))

        await patiently(act)
        self.world.items = [replace(i, deleted=True) if i.author == "sam" else i for i in self.world.items]

    async def write_again(self) -> None:
        """Of every visibility once more, naming some of those who are not to know."""
        root = next(item for item in self.world.items if item.kind == "public root")
        for visibility in VISIBILITIES:
            item = await self.publish("requote", visibility, NAMED_LATER, quoted_status_id=root.id)
            self.world.items.append(replace(item, quotes=root.id, later=True))
            item = replace(await self.publish("fresh", visibility, NAMED_LATER), later=True)
            if visibility in (PUBLIC, UNLISTED):
                await self.act(item.id, "reblog", "bob")
                item = replace(item, reposted=True)
            self.world.items.append(item)
