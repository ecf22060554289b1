"""A population that a bench loads: the store finds it sound, and the server serves it as if it had made it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import httpx
import pytest

from bench.keeping import kinds_postgres, kinds_sqlite
from bench.population import FEW_LIKES, Population, Size
from tests.bench.loaded import loaded
from tests.server import PATIENCE, Server
from tests.stores import ENGINES

SIZE = Size(accounts=40, posts=415, follows=5, likes=40)


@pytest.fixture(scope="module", params=ENGINES)
def grown(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Population]]:
    """A server that runs on a loaded store."""
    with loaded(request, lambda _: Population(SIZE, application=1)) as grown:
        yield grown


def test_the_store_is_sound(grown: tuple[Server, Population]) -> None:
    checked = grown[0].run("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_row_is_found_on_the_disk(grown: tuple[Server, Population]) -> None:
    server, population = grown
    expected: dict[str, Iterable[object]]
    if server.database:
        kinds = {kind.name: kind for kind in asyncio.run(kinds_postgres(server.database))}
        expected = {"objects": population.objects(), "associations": population.edges(), "names": population.names()}
    else:
        kinds = {kind.name: kind for kind in kinds_sqlite(server.folder)}
        tables = {"objects": population.objects(), "edges": population.edges(), "names": population.names()}
        expected = {f"main.{name}": rows for name, rows in tables.items()}
    for name, rows in expected.items():
        count = sum(1 for _ in rows)
        assert count <= kinds[name].rows <= count + 100, "the server's own"
        assert kinds[name].bytes > 16 * count


def test_people_find_themselves_and_their_home(grown: tuple[Server, Population]) -> None:
    server, population = grown
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {population.secret(7)}"
        me = client.get("/api/v1/accounts/verify_credentials").json()
        assert me["id"] == str(population.account(7))
        assert (me["followers_count"], me["following_count"], me["statuses_count"]) == (5, 5, 11)
        home = client.get("/api/v1/timelines/home?limit=40").json()
        assert len(home) == 40
        authors = {str(population.account(number)) for number in range(7, 13)}
        assert {status["account"]["id"] for status in home} == authors
        local = client.get("/api/v1/timelines/public?local=true&limit=3").json()
        assert [status["id"] for status in local] == [str(population.post(number)) for number in (414, 413, 412)]
        assert client.get("/api/v1/accounts/lookup?acct=grown9").json()["id"] == str(population.account(9))


def test_likes_are_counted_and_can_be_taken_back(grown: tuple[Server, Population]) -> None:
    server, population = grown
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {population.secret(3)}"
        many = client.get(f"/api/v1/statuses/{population.post(0)}").json()
        few = client.get(f"/api/v1/statuses/{population.post(1)}").json()
        assert (many["favourites_count"], many["favourited"]) == (SIZE.likes, True)
        assert (few["favourites_count"], few["favourited"]) == (FEW_LIKES, True)
        after = client.post(f"/api/v1/statuses/{population.post(0)}/unfavourite").json()
        assert (after["favourites_count"], after["favourited"]) == (SIZE.likes - 1, False)
        again = client.post(f"/api/v1/statuses/{population.post(0)}/favourite").json()
        assert (again["favourites_count"], again["favourited"]) == (SIZE.likes, True)
