"""The description of the API is whole and true. Beside this, every answer to `Api` is held to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ripstop.domain.moderation.settings import Changes
from ripstop.surfaces.http.openapi import by_status, key_of
from ripstop.surfaces.http.routing import Route
from tests.api.client import Api, Person
from tests.api.everything import World, a_world
from tests.api.staff import of_staff
from tests.api.test_settings import PLAIN, change
from tests.described import ANSWERS, all_routes, described
from tests.server import Server


@pytest.fixture
async def routes(tmp_path: Path) -> AsyncIterator[list[Route]]:
    async with all_routes(tmp_path) as routes:
        yield routes


def is_page(route: Route) -> bool:
    """Whether it is for people."""
    return route.handler.__module__.startswith("ripstop.surfaces.web")


async def test_every_route_for_programs_says_what_it_answers(routes: list[Route]) -> None:
    missing = [key_of(route) for route in routes if not is_page(route) and key_of(route) not in ANSWERS]
    assert not missing, f"add a line for each to ANSWERS of surfaces/mastodon/answers.py: {missing}"


async def test_nothing_is_described_that_there_is_not(api: Api) -> None:
    paths = (await api.want("GET", "/openapi.json"))["paths"]
    shown = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert shown == set(ANSWERS)


async def test_it_is_kept_by_whoever_has_it(api: Api) -> None:
    first = await api.get("/openapi.json")
    assert first.json()["openapi"] == "3.1.0"
    assert first.headers["content-type"].startswith("application/json")
    assert first.headers["access-control-allow-origin"] == "*"
    again = await api.get("/openapi.json", headers={"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_its_references_lead_somewhere_and_its_names_are_its_own(api: Api) -> None:
    answer = await api.get("/openapi.json")
    document = answer.json()
    references = set(re.findall(r'"\$ref":"#/components/(\w+)/([^"]+)"', answer.body.decode()))
    assert len(references) > 50
    for kind, name in references:
        assert name in document["components"][kind]
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] and operation["tags"] for operation in operations)
    for operation in operations:
        for scheme in operation["security"]:
            for scopes in scheme.values():
                assert set(scopes) <= set(
                    document["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"]["scopes"]
                )


async def test_parameters_are_described_in_every_spelling(api: Api) -> None:
    paths: dict[str, Any] = (await api.want("GET", "/openapi.json"))["paths"]
    timeline = paths["/api/v1/timelines/tag/{hashtag}"]["get"]["parameters"]
    places = {parameter["name"]: parameter["in"] for parameter in timeline}
    assert places["hashtag"] == "path"
    assert places["max_id"] == places["any[]"] == "query"
    profile = paths["/api/v1/accounts/update_credentials"]["patch"]["requestBody"]["content"]
    assert "source" in profile["application/json"]["schema"]["properties"]
    assert "source[privacy]" in profile["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert "source[privacy]" in profile["multipart/form-data"]["schema"]["properties"]
    reblog = paths["/api/v1/statuses/{id}/reblog"]["post"]
    assert "id" not in reblog["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"bearer": []} in paths["/api/v1/streaming/user"]["get"]["security"]
    assert reblog["security"] == [{"oauth2": ["write:statuses"]}, {"bearer": ["write:statuses"]}]


QUERIES = {
    "/api/v1/accounts": "id[]={accounts}",
    "/api/v1/accounts/lookup": "acct={username}",
    "/api/v1/accounts/search": "q={username}",
    "/api/v1/accounts/relationships": "id[]={accounts}",
    "/api/v1/accounts/familiar_followers": "id[]={accounts}",
    "/api/v1/statuses": "id[]={statuses}",
    "/api/v1/markers": "timeline[]=home",
    "/api/v2/search": "q=weaving",
    "/.well-known/webfinger": "resource=acct:{username}@{domain}",
}
ELSEWHERE = re.compile(r"/streaming")
"""What goes on, of which other tests tell."""


def filled(pattern: str, world: World) -> str:
    """A path with the ids of what is in the world."""
    before, brace, after = pattern.partition("/{")
    if not brace:
        return pattern
    words = before.split("/")
    names = ("/".join(words[-2:]), words[-1])
    found = [world[name] for name in names if name in world]
    assert found, f"{pattern}: put one into a_world"
    return f"{before}/{found[0]}{after.partition('}')[2]}"


async def test_whatever_can_be_read_is_as_described(api: Api, bob: Person, server: Server) -> None:
    alice = await of_staff(server, api, "alice", "owner")
    world = await a_world(api, alice, bob)
    world |= {"username": alice.username, "domain": server.url.partition("//")[2]}
    await change(server, Changes(terms_of_service="Weave well."))
    world["terms_of_service"] = (await api.want("GET", "/api/v1/instance/terms_of_service"))["effective_date"]
    seen = set()
    for key in ANSWERS:
        method, pattern = key.split(" ", 1)
        if method != "GET" or ELSEWHERE.search(pattern):
            continue
        is_there = min(by_status(ANSWERS[key])) < 400
        path = filled(pattern, world) if is_there else re.sub(r"\{\w+\}", "1", pattern)
        query = QUERIES.get(pattern, "").format(**world)
        answer = await api.get(f"{path}?{query}" if query else path, as_=alice)
        assert answer.status in by_status(ANSWERS[key]), f"{key}: {answer.body!r}"
        assert described("GET", path) == key
        seen.add(key)
    assert len(seen) > 60
    await change(server, PLAIN)
