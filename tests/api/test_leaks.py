"""Nothing blocked, private, muted or deleted leaks: every viewer, every relation, every visibility, every endpoint.

tests/leaks has the world (`world.py`), what may be seen of it (`oracle.py`) and where (`table.py`). A failure names its
rows: endpoint, viewer, and what was shown or was missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ripstop.boot import Ground, make_routes, open_base
from ripstop.domain.accounts.tokens import Tokens
from ripstop.kernel.configuration import Configuration
from ripstop.machinery.bus import MemoryBus
from ripstop.processes.hasher import ThreadHasher
from ripstop.surfaces.streaming.routes import streaming_routes
from tests.api.client import Answer, Api, Person
from tests.leaks.oracle import (
    PUBLIC,
    UNLISTED,
    VIEWERS,
    Item,
    Viewer,
    hears,
    held_back,
    may_see,
    mentioned,
    wants,
)
from tests.leaks.table import ANYBODY, CARRIES_NOTHING, COVERED, ITEM_ROWS, PEOPLE_ROWS, ROWS, ItemRow, PeopleRow, Row
from tests.leaks.world import World, build_world
from tests.server import Server

PAGES = 3
"""Of a list, that are looked through."""
WITH_ACCOUNT = [viewer for viewer in VIEWERS if viewer.has_account]


@pytest.fixture(scope="module")
def world(server: Server) -> World:
    return asyncio.run(build_world(server))


class Findings:
    """What was not as it must be."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def expect(self, found: object, expected: object, *row: str) -> None:
        if found != expected:
            self.lines.append(f"{' | '.join(row)}: {found!r} where {expected!r} was expected")

    def markers(
        self,
        body: bytes,
        viewer: Viewer,
        items: list[Item],
        shown: Callable[[Item], bool],
        *row: str,
        quotes: bool = True,
    ) -> None:
        """Hold a body to the items that it may show: with what they quote, if the viewer wants to see that."""
        quoted = {item.quotes for item in items if quotes and item.quotes and shown(item)}
        for item in items:
            expected = shown(item) or (item.id in quoted and wants(viewer, item))
            if (item.marker.encode() in body) != expected:
                told = "missing" if expected else "LEAKED"
                self.lines.append(f"{' | '.join(row)} | {viewer.name} | {item.kind}: {told}")

    def check(self) -> None:
        assert not self.lines, f"{len(self.lines)} rows\n" + "\n".join(self.lines)


async def ask(api: Api, world: World, viewer: Viewer, path: str, *, is_page: bool = False) -> Answer:
    return await api.get(path, token=None if is_page else world.token(viewer))


async def all_pages(api: Api, world: World, viewer: Viewer, row: Row) -> tuple[int, bytes]:
    """The first pages of a list."""
    answer = await ask(api, world, viewer, row.path(world, viewer), is_page=row.is_page)
    body = answer.body
    for _ in range(PAGES - 1):
        further = answer.link("next")
        if further is None:
            break
        answer = await api.get(row.path(world, viewer).partition("?")[0], token=world.token(viewer), query=further)
        assert answer.status == 200, answer.body
        body += answer.body
    return answer.status, body


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route)
async def test_lists_of_posts(api: Api, world: World, row: Row) -> None:
    findings = Findings()

    async def look(viewer: Viewer) -> None:
        status, body = await all_pages(api, world, viewer, row)
        allowed = viewer.has_account or not row.is_own
        findings.expect(status == 200, allowed, row.route, viewer.name, "status")

        def shown(item: Item) -> bool:
            return allowed and row.shows(viewer, item)

        reader = ANYBODY if row.is_page else viewer
        findings.markers(body, reader, world.items, shown, row.path(world, viewer))

    await asyncio.gather(*(look(viewer) for viewer in VIEWERS))
    findings.check()


@pytest.mark.parametrize("row", ITEM_ROWS, ids=lambda row: row.route)
async def test_what_is_asked_of_one_post(api: Api, world: World, row: ItemRow) -> None:
    findings = Findings()

    async def look(viewer: Viewer) -> None:
        for around in world.items:
            answer = await ask(api, world, viewer, row.path(world, around), is_page=row.is_page)
            allowed = viewer.has_account or not row.is_own
            expected = allowed and row.answers(viewer, around)
            findings.expect(answer.status == 200, expected, row.route, viewer.name, around.kind, "status")

            def shown(item: Item, around: Item = around, allowed: bool = allowed) -> bool:
                return allowed and row.shows(viewer, around, item)

            reader = ANYBODY if row.is_page else viewer
            where = f"{row.route} of {around.kind}"
            findings.markers(answer.body, reader, world.items, shown, where, quotes=row.shows_quoted)

    await asyncio.gather(*(look(viewer) for viewer in VIEWERS))
    findings.check()


@pytest.mark.parametrize("row", PEOPLE_ROWS, ids=lambda row: row.path.__name__ + row.route)
async def test_lists_of_people(api: Api, world: World, row: PeopleRow) -> None:
    findings = Findings()
    for viewer in VIEWERS:
        if viewer.has_account or not row.is_own:
            answer = await ask(api, world, viewer, row.path(world, viewer))
            findings.expect(answer.status, 200, row.route, viewer.name, "status")
            found = world.people[row.who].id in people_in(answer.json())
            findings.expect(found, row.shows(viewer), row.path(world, viewer), viewer.name, row.who)
    findings.check()


def people_in(value: Any) -> set[str]:
    """The ids of all accounts somewhere in JSON."""
    if isinstance(value, list):
        return {id_ for one in value for id_ in people_in(one)}
    if isinstance(value, dict):
        own = {value["id"]} if "acct" in value and "id" in value else set()
        return own | {id_ for one in value.values() for id_ in people_in(one)}
    return set()


async def test_addresses_that_are_searched_for(api: Api, server: Server, world: World) -> None:
    findings = Findings()

    async def look(viewer: Viewer) -> None:
        for item in world.items:
            url = f"{server.url}/@{world.people[item.author].username}/{item.id}"
            answer = await api.get("/api/v2/search", token=world.token(viewer), query={"q": url})
            findings.expect(answer.status, 200, "search by address", viewer.name, "status")
            shown = [item] if may_see(viewer, item) else []
            findings.markers(answer.body, viewer, world.items, shown.__contains__, "search by address")

    await asyncio.gather(*(look(viewer) for viewer in VIEWERS))
    findings.check()


async def test_what_people_are_told(api: Api, world: World) -> None:
    """Of alice: what she likes and passes on, whom she names and follows."""
    findings = Findings()
    for viewer in WITH_ACCOUNT:
        told = await all_told(api, world, viewer)
        found = {(n["type"], (n["status"] or {}).get("id")) for n in told if n["account"]["id"] == world.alice.id}
        named = [item for item in world.items if mentioned(viewer, item) and not held_back(viewer, item)]
        expected: set[tuple[str, str | None]] = {("mention", item.id) for item in named}
        if hears(viewer):
            own = world.own[viewer.name]
            expected |= {("favourite", own), ("reblog", own)}
            if viewer.followed:
                expected.add(("follow", None))
        findings.expect(found - expected, set(), "notifications that LEAKED", viewer.name)
        findings.expect(expected - found, set(), "notifications that are missing", viewer.name)
        for n in told[:3]:
            assert await api.want("GET", f"/api/v1/notifications/{n['id']}", token=world.token(viewer)) == n
        unread = await api.want("GET", "/api/v1/notifications/unread_count?limit=1000", token=world.token(viewer))
        findings.expect(unread["count"], len(told), "unread count", viewer.name)
    findings.check()


async def all_told(api: Api, world: World, viewer: Viewer) -> list[Any]:
    """All notifications of somebody."""
    answer = await api.get("/api/v1/notifications", token=world.token(viewer), query={"limit": "80"})
    told = list(answer.json())
    while (further := answer.link("next")) is not None:
        answer = await api.get("/api/v1/notifications", token=world.token(viewer), query=further)
        told += answer.json()
    return told


async def test_what_people_are_told_in_groups(api: Api, world: World) -> None:
    """The same people and numbers as one by one; nothing by who is parted from the viewer, or suspended."""
    findings = Findings()
    for viewer in WITH_ACCOUNT:
        told = await all_told(api, world, viewer)
        page = await api.want("GET", "/api/v2/notifications?limit=80", token=world.token(viewer))
        groups = page["notification_groups"]
        findings.expect(sum(group["notifications_count"] for group in groups), len(told), "groups", viewer.name)
        unread = await api.want("GET", "/api/v2/notifications/unread_count?limit=100", token=world.token(viewer))
        findings.expect(unread["count"], len(groups), "unread groups", viewer.name)
        people = {id_ for group in groups for id_ in group["sample_account_ids"]}
        for group in groups[:5]:
            path = f"/api/v2/notifications/{group['group_key']}"
            [one] = (await api.want("GET", path, token=world.token(viewer)))["notification_groups"]
            people |= set(one["sample_account_ids"])
            people |= people_in(await api.want("GET", path + "/accounts", token=world.token(viewer)))
        expected = {n["account"]["id"] for n in told}
        findings.expect(people - expected, set(), "people in groups", viewer.name)
        if viewer.is_alice:
            hidden = {world.people[one.name].id for one in VIEWERS if one.is_parted} | {world.people["sam"].id}
            findings.expect(expected & hidden, set(), "alice", "by who is parted from her")
    findings.check()


async def test_what_is_held_back(api: Api, world: World) -> None:
    """Requests are of those by whom something waits, and are counted so."""
    findings = Findings()
    for viewer in WITH_ACCOUNT:
        token = world.token(viewer)
        requests = await api.want("GET", "/api/v1/notifications/requests", token=token)
        waits = any(held_back(viewer, item) for item in world.items)
        findings.expect(world.alice.id in {one["account"]["id"] for one in requests}, waits, "requests", viewer.name)
        for version in ("v1", "v2"):
            policy = await api.want("GET", f"/api/{version}/notifications/policy", token=token)
            counted = policy["summary"]["pending_requests_count"]
            findings.expect(counted, len(requests), f"policy {version}", viewer.name)
        for request in requests:
            one = await api.want("GET", f"/api/v1/notifications/requests/{request['id']}", token=token)
            findings.expect(one, request, "request", viewer.name)
    findings.check()


async def test_how_people_stand_to_each_other(api: Api, world: World) -> None:
    findings = Findings()
    for viewer in WITH_ACCOUNT:
        if viewer.is_alice:
            continue
        path = f"/api/v1/accounts/relationships?id[]={world.alice.id}"
        [relation] = await api.want("GET", path, token=world.token(viewer))
        expected = {
            "following": viewer.follows,
            "followed_by": viewer.followed,
            "blocking": viewer.blocks,
            "blocked_by": viewer.blocked,
            "muting": viewer.mutes,
            "muting_notifications": viewer.silences,
            "requested": viewer.name == "asker",
        }
        found = {name: relation[name] for name in expected}
        findings.expect(found, expected, "relationships", viewer.name)
    findings.check()


async def test_counts_tell_nothing_of_what_is_hidden(api: Api, world: World) -> None:
    """Answers and quotes that are not for everybody are not counted, nor are direct posts among somebody's posts."""
    root = next(item for item in world.items if item.marker.startswith("root"))
    status = await api.want("GET", f"/api/v1/statuses/{root.id}")
    answers = [item for item in world.items if item.parent == root.id and item.visibility in (PUBLIC, UNLISTED)]
    assert status["replies_count"] == len(answers)
    quotes = [item for item in world.items if item.quotes == root.id and item.visibility in (PUBLIC, UNLISTED)]
    assert status["quotes_count"] == len(quotes) > 0


async def test_entity_tags_do_not_outlive_what_they_stand_for(api: Api, alice: Person) -> None:
    """Whoever knows the page of a post is not told that nothing has changed once it is gone."""
    post = await api.publish(alice, "here and gone")
    pages = [f"/@{alice.username}/{post['id']}", f"/@{alice.username}"]
    tags = [(await api.get(page)).headers["etag"] for page in pages]
    for page, tag in zip(pages, tags, strict=True):
        assert (await api.get(page, headers={"if-none-match": tag})).status == 304
    await api.delete(f"/api/v1/statuses/{post['id']}", as_=alice)
    # A page may be kept for a moment (docs/build/web.md), but not from who asks for it anew.
    anew = {"cache-control": "no-cache"}
    answers = [
        await api.get(page, headers={"if-none-match": tag, **anew}) for page, tag in zip(pages, tags, strict=True)
    ]
    assert [answer.status for answer in answers] == [404, 200]
    assert not any(b"here and gone" in answer.body for answer in answers)


async def test_every_route_is_in_the_table(tmp_path: Path) -> None:
    ground = Ground(Configuration(url="http://leaks.test", data=str(tmp_path)))
    base = await open_base(ground, bus=MemoryBus(), hasher=ThreadHasher())
    try:
        streams = streaming_routes(base.graph, base.bus, Tokens(base.graph).authenticate, origin=ground.site.origin)
        routes = {route.pattern for route in (*make_routes(ground, base), *streams) if route.method == "GET"}
    finally:
        await base.parts.aclose()
    new = routes - COVERED - CARRIES_NOTHING
    assert not new, f"put these routes into a table of tests/leaks/table.py: {sorted(new)}"
    gone = (COVERED | CARRIES_NOTHING) - routes - {"/health", "/metrics", "/openapi.json"}
    assert not gone, f"these routes are no more: {sorted(gone)}"
    assert not COVERED & CARRIES_NOTHING
