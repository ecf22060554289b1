"""What it costs to deal with what is very large, beside the same request to something small in the same store.

The budgets are for SQLite. A request that shows a page must not know how long the list behind it is, so its budget is
about that of home; a whole thread is paid for by the post.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from bench.crowded import FEW, FEW_ANSWERS, MANY, Crowd, Crowded
from bench.grow import grow_postgres, grow_sqlite
from bench.load import Measured, Source, measure
from bench.servers import Database, Server, data_folder, running_server
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target

CONNECTIONS = 8
READERS = 64
MEMBERS = 500
FEW_MEMBERS = 5
SETTLED_SECONDS = 120.0
PAGE_MS, WRITE_MS, THREAD_MS = 0.8, 1.5, 60.0
"""What a page, a write and a thread of 4,000 answers may cost, in CPU milliseconds on SQLite."""


class LargeRow(msgspec.Struct, kw_only=True):
    """The same request to something small and to something large; the budget is for the latter, in CPU ms on SQLite."""

    title: str
    budget_ms: float
    small: Measured
    large: Measured


class Large(msgspec.Struct, kw_only=True):
    """All rows of one engine."""

    engine: str
    crowd: Crowd
    rows: list[LargeRow] = []


class Pair(NamedTuple):
    """A row to measure: requests about what is small, and the same about what is large."""

    title: str
    budget_ms: float
    small: list[bytes]
    large: list[bytes]


async def measure_large(engine: str, crowd: Crowd, *, seconds: float, database: Database | None) -> Large:
    """Load the population into a new store, and measure every row."""
    with data_folder() as folder:
        async with running_server(folder, database=database) as server, Pool(server.target, size=1) as pool:
            application = await make_application(pool)
        population = Crowded(crowd, application=application)
        if database is None:
            grow_sqlite(folder, population)
        else:
            await grow_postgres(database.dsn, population)
        async with running_server(folder, database=database) as server:
            rows = await _measure_rows(engine, server, population, seconds)
    return Large(engine=engine, crowd=crowd, rows=rows)


async def _measure_rows(engine: str, server: Server, population: Crowded, seconds: float) -> list[LargeRow]:
    lists = await make_lists(server.target, population)
    asker = Asker(server.target, population)

    async def run(title: str, requests: list[bytes]) -> Measured:
        await server.trees.idle(SETTLED_SECONDS)
        sources = [_endless(requests, start) for start in range(CONNECTIONS)]
        measured = await measure(server.target, server.trees, sources, seconds=seconds, drain=True)
        print(f"{engine} {title}: {measured.cpu_ms} ms CPU, errors {measured.errors}", file=sys.stderr, flush=True)
        return measured

    # Account 0 is found to be large when it posts, which is the last row; until then nothing is merged into homes.
    before = await run("home", asker.homes())
    rows = []
    for title, budget_ms, small, large in [*asker.pages(lists), *asker.acts()]:
        measured = await run(f"{title}, small", small), await run(f"{title}, large", large)
        rows.append(LargeRow(title=title, budget_ms=budget_ms, small=measured[0], large=measured[1]))
    after = await run("home", asker.homes())
    title = "home of 20 posts, before and after somebody very large is followed"
    rows.append(LargeRow(title=title, budget_ms=PAGE_MS, small=before, large=after))
    return rows


class Asker:
    """Makes the requests."""

    def __init__(self, target: Target, population: Crowded) -> None:
        self._target = target
        self._population = population
        self._readers = [population.secret(number) for number in range(10, 10 + READERS)]

    def homes(self) -> list[bytes]:
        return self._gets("/api/v1/timelines/home?limit=20")

    def pages(self, lists: tuple[str, str]) -> Iterator[Pair]:
        """Everything that is read, of account 1 and of account 0, of the hashtag of few and of many, and so on."""
        few, many = (self._population.account(number) for number in (1, 0))
        fan, tagged = self._population.middle_fan, self._population.middle_tagged
        yield self._both("an account", 0.3, "/api/v1/accounts/{}", few, many)
        followers = "/api/v1/accounts/{}/followers?limit=40"
        yield self._both("40 of its followers", PAGE_MS, followers, few, many)
        yield self._both("40 from the middle of them", PAGE_MS, f"{followers}&max_id={fan}", few, many)
        tag = "/api/v1/timelines/tag/{}?limit=20"
        yield self._both("20 posts with a hashtag", PAGE_MS, tag, FEW, MANY)
        yield self._both("20 from the middle of them", PAGE_MS, f"{tag}&max_id={tagged}", FEW, MANY)
        thread = "/api/v1/statuses/{}/context"
        roots = self._population.post(1), self._population.post(0)
        answers = self._population.crowd.answers
        yield self._both(f"a thread of {FEW_ANSWERS} answers, of {answers:,}", THREAD_MS, thread, *roots)
        anonymous = [self._target.request("GET", thread.format(root)) for root in roots]
        yield Pair("the same without a token, of which 60 are shown", THREAD_MS, anonymous[:1], anonymous[1:])
        paths = (f"/api/v1/timelines/list/{made}?limit=20" for made in lists)
        ours = [
            self._target.request("GET", path, token=self._population.secret(owner))
            for path, owner in zip(paths, (1, 0), strict=True)
        ]
        yield Pair(f"20 posts of a list of {FEW_MEMBERS} members, of {MEMBERS}", PAGE_MS, ours[:1], ours[1:])

    def acts(self) -> Iterator[Pair]:
        """What is written, to account 1 and to account 0, and by them."""
        few, many = (self._population.account(number) for number in (1, 0))
        follows = [
            [
                self._target.request("POST", f"/api/v1/accounts/{id_}/{verb}", token=reader)
                for reader in self._readers
                for verb in ("unfollow", "follow")
            ]
            for id_ in (few, many)
        ]
        # Who did not follow account 1 does so now; that is what the warm-up leaves behind as well.
        yield Pair("to unfollow and follow, with what follows", WRITE_MS, *follows)
        form = {"status": "What is new with all of you?"}
        posts = [
            [self._target.request("POST", "/api/v1/statuses", token=self._population.secret(number), form=form)]
            for number in (1, 0)
        ]
        yield Pair("a post, with what follows", WRITE_MS, *posts)

    def _both(self, title: str, budget_ms: float, path: str, small: object, large: object) -> Pair:
        return Pair(title, budget_ms, self._gets(path.format(small)), self._gets(path.format(large)))

    def _gets(self, path: str) -> list[bytes]:
        return [self._target.request("GET", path, token=reader) for reader in self._readers]


async def make_application(pool: Pool) -> int:
    """The id of an application for everybody's tokens."""
    form = {"client_name": "large lists", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write follow"}
    answer = await pool.call("POST", "/api/v1/apps", form=form, tries=9)
    assert answer.ok, f"{answer.status} {answer.body[:200]!r}"
    return int(msgspec.json.decode(answer.body)["id"])


async def make_lists(target: Target, population: Crowded) -> tuple[str, str]:
    """A list of few for account 1, and one of many for account 0, who follow their members first."""
    made = []
    async with Pool(target, size=CONNECTIONS, timeout=60.0) as pool:
        for owner, members in ((1, FEW_MEMBERS), (0, MEMBERS)):
            token = population.secret(owner)
            made.append(msgspec.json.decode(await _send(pool, "/api/v1/lists", token, {"title": "some"}))["id"])
            ids = [population.account(owner + step) for step in range(1, members + 1)]
            for id_ in ids:
                await _send(pool, f"/api/v1/accounts/{id_}/follow", token)
                await _send(pool, f"/api/v1/lists/{made[-1]}/accounts?account_ids[]={id_}", token)
    return made[0], made[1]


async def _send(pool: Pool, path: str, token: str, form: dict[str, str] | None = None) -> bytes:
    answer = await pool.call("POST", path, token=token, form=form, tries=9)
    assert answer.ok, f"{path}: {answer.status} {answer.body[:200]!r}"
    return answer.body


def _endless(requests: Sequence[bytes], start: int) -> Source:
    """All requests again and again, each connection with its share of them where there is more than one."""
    mine = requests[start * len(requests) // CONNECTIONS : (start + 1) * len(requests) // CONNECTIONS] or requests
    each = itertools.cycle(mine)
    return lambda: next(each)
