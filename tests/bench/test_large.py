"""Very large lists that a bench loads, in little: the store finds them sound, and every request is granted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from bench.crowded import FEW_ANSWERS, MANY, Crowd, Crowded
from bench.large import MEMBERS, Asker, make_application, make_lists
from bench.population import Size
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target
from tests.bench.loaded import loaded
from tests.server import PATIENCE, Server
from tests.stores import ENGINES

CROWD = Crowd(size=Size(accounts=MEMBERS + 20, posts=1200, follows=1, likes=100), tagged=600, answers=60)


@pytest.fixture(scope="module", params=ENGINES)
def crowded(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Crowded]]:
    """A server that runs on a loaded store."""
    with loaded(request, lambda server: Crowded(CROWD, application=asyncio.run(_make_application(server)))) as crowded:
        yield crowded


def test_the_store_is_sound(crowded: tuple[Server, Crowded]) -> None:
    checked = crowded[0].run("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_row_is_granted(crowded: tuple[Server, Crowded]) -> None:
    server, population = crowded
    target = Target.from_url(server.url)
    lists = asyncio.run(make_lists(target, population))
    asker = Asker(target, population)
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        for row in [*asker.pages(lists), *asker.acts()]:
            for request in (row.small[0], row.large[0]):
                assert _send(client, request).status_code == 200, row.title
        assert _send(client, asker.homes()[0]).status_code == 200


def test_what_is_large_is_as_large_as_it_says(crowded: tuple[Server, Crowded]) -> None:
    server, population = crowded
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {population.secret(7)}"
        account = client.get(f"/api/v1/accounts/{population.account(0)}").json()
        assert account["followers_count"] >= CROWD.size.accounts - 2
        for post, answers in ((0, CROWD.answers), (1, FEW_ANSWERS)):
            context = client.get(f"/api/v1/statuses/{population.post(post)}/context").json()
            assert len(context["descendants"]) == answers
        tagged = client.get(f"/api/v1/timelines/tag/{MANY}?limit=40&max_id={population.middle_tagged}").json()
        assert len(tagged) == 40


async def _make_application(server: Server) -> int:
    async with Pool(Target.from_url(server.url), size=1) as pool:
        return await make_application(pool)


def _send(client: httpx.Client, request: bytes) -> httpx.Response:
    """Send a request that was made for a bench."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return client.request(method, path, headers=headers, content=body)
