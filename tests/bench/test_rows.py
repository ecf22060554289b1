"""Each row asks for what its title says, and the server grants it."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from bench.cold import cold_pages
from bench.dataset import THREAD_REPLIES, Dataset, Shape, seed_dataset
from bench.goals import ROWS
from bench.lists import ROWS as LISTS
from bench.lists import ListRequests, seed_lists
from bench.load import Loop
from bench.rows import MIX, Requests
from bench.visibility import measure_visibility
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target
from tests.server import Server

SHAPE = Shape(people=24, follows=5, posts=10, threads=2)
CONNECTIONS = 4
LONG_ENOUGH = 600.0
"""Seconds within which all requests are sent, however slow the machine is."""


@pytest.fixture(scope="module")
def dataset(server: Server) -> Dataset:
    return asyncio.run(seed_dataset(Target.from_url(server.url), SHAPE))


GRANTED = [*(row.name for row in ROWS if row.name != "home_cold"), "search_accounts", "search_posts"]


@pytest.mark.parametrize("row", GRANTED)
async def test_a_row_is_granted(server: Server, dataset: Dataset, row: str) -> None:
    target = Target.from_url(server.url)
    sources = Requests(target, dataset, connections=CONNECTIONS).sources(row)
    async with Pool(target, size=CONNECTIONS) as pool:
        loop = Loop(pool, sources)
        await loop.run(LONG_ENOUGH, 120 if row != "sign_up" else 8)
    assert loop.errors == {}
    assert loop.latencies.count == (120 if row != "sign_up" else 8)


async def test_every_list_is_granted(server: Server, dataset: Dataset) -> None:
    target = Target.from_url(server.url)
    requests = ListRequests(target, dataset, await seed_lists(target, dataset), connections=CONNECTIONS)
    async with Pool(target, size=CONNECTIONS) as pool:
        for row in LISTS:
            loop = Loop(pool, requests.sources(row))
            await loop.run(LONG_ENOUGH, 40)
            assert (row, loop.errors) == (row, {})


def test_the_mix_is_85_per_cent_reads() -> None:
    writes = sum(weight for kind, weight in MIX if kind in ("favourite", "post", "follow"))
    assert sum(weight for _, weight in MIX) == 100
    assert writes == 15


async def test_a_thread_has_eleven_posts(server: Server, dataset: Dataset) -> None:
    target = Target.from_url(server.url)
    async with Pool(target, size=1) as pool:
        answer = await pool.call("GET", f"/api/v1/statuses/{dataset.threads[0][0]}/context")
    context = msgspec.json.decode(answer.body)
    assert len(context["descendants"]) == THREAD_REPLIES
    assert context["ancestors"] == []


async def test_cold_pages_are_full_and_never_hold_a_post_twice(server: Server) -> None:
    """Replies aside, which may be hidden, so that a page reads on into the next one."""
    target = Target.from_url(server.url)
    dataset = await seed_dataset(target, msgspec.structs.replace(SHAPE, replies=0.0, threads=0))
    seen: list[str] = []
    async with Pool(target, size=1) as pool:
        for request in cold_pages(target, dataset):
            path, token = request.split()[1].decode(), request.split(b"Bearer ")[1].split()[0].decode()
            page = msgspec.json.decode((await pool.call("GET", path, token=token)).body)
            assert len(page) == 20
            seen += [status["id"] for status in page]
    assert len(seen) > 200
    assert len(set(seen)) == len(seen)


async def test_posts_are_seen_while_others_post(server: Server, dataset: Dataset) -> None:
    target = Target.from_url(server.url)
    sources = Requests(target, dataset, connections=2).sources("post")
    seen = await measure_visibility(target, dataset, sources, seconds=0.5, rng=random.Random(1))
    assert seen.samples > 0
    assert seen.unseen == 0
    assert seen.others_per_second > 0
