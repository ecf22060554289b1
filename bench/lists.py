"""What the lists of the API cost beside home, on the same server in the same minutes.

Before it is measured, everybody likes and bookmarks 20 posts of others, and keeps a list of those whom they follow. So
everybody has been told of 20 likes or so, of 15 follows, and of some answers.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

import msgspec

from bench.dataset import CONNECTIONS, TRIES, Dataset
from bench.load import Source
from ripstop.rehearsal.ledger import PersonFact
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.texts import HASHTAGS

KEPT = 20
"""Posts that everybody likes and bookmarks."""


class _Named(msgspec.Struct):
    id: str


class Lists(msgspec.Struct, kw_only=True):
    """What was made for the rows: the list of each person, by number, and posts that were liked."""

    lists: list[str]
    liked: list[str]


async def seed_lists(target: Target, data: Dataset) -> Lists:
    """Like, bookmark, and fill lists. Raises AssertionError when the server refuses."""
    made = Lists(lists=["" for _ in data.people], liked=[])

    async def keep(number: int) -> None:
        rng = random.Random(number)
        person = data.people[number]
        others = [post for author, posts in enumerate(data.posts) if author != number for post in posts]
        for post in rng.sample(others, KEPT):
            made.liked.append(post)
            for verb in ("favourite", "bookmark"):
                await _send(pool, f"/api/v1/statuses/{post}/{verb}", person)
        answer = await _send(pool, "/api/v1/lists", person, {"title": "neighbours"})
        made.lists[number] = msgspec.json.decode(answer, type=_Named).id
        followed = [data.people[(number + step) % len(data.people)].id for step in range(1, data.shape.follows + 1)]
        path = f"/api/v1/lists/{made.lists[number]}/accounts?" + "&".join(f"account_ids[]={id_}" for id_ in followed)
        await _send(pool, path, person)

    async with Pool(target, size=CONNECTIONS, timeout=60.0) as pool:
        await pool.each(range(len(data.people)), keep)
    return made


async def _send(pool: Pool, path: str, person: PersonFact, form: dict[str, str] | None = None) -> bytes:
    answer = await pool.call("POST", path, token=person.token, form=form, tries=TRIES)
    assert answer.ok, f"{path}: {answer.status} {answer.body[:200]!r}"
    return answer.body


ROWS = {
    "account": "an account's posts, 20",
    "followers": "an account's followers, 15",
    "notifications": "notifications, 20",
    "groups": "grouped notifications, 20",
    "tag": "a hashtag, 20 posts",
    "list": "a list of 15 members, 20 posts",
    "favourites": "favourites, 20 posts",
    "bookmarks": "bookmarks, 20 posts",
    "favourited_by": "who likes a post",
    "relationships": "relations to 20 accounts",
    "search": "search for accounts, 20",
}
"""The rows, and what they ask for."""


class ListRequests:
    """Makes the sources of a row, one for each connection."""

    def __init__(self, target: Target, data: Dataset, made: Lists, *, connections: int) -> None:
        self._target = target
        self._data = data
        self._made = made
        self._connections = connections

    def sources(self, row: str) -> list[Source]:
        """The sources of one of `ROWS`; each connection begins with another person."""
        requests = [self._request(row, number) for number in range(len(self._data.people))]
        return [_endless(requests, connection * 7) for connection in range(self._connections)]

    def _request(self, row: str, number: int) -> bytes:
        people = self._data.people
        return self._target.request("GET", self._path(row, number), token=people[number].token)

    def _path(self, row: str, number: int) -> str:
        people, made = self._data.people, self._made
        other = people[(number * 37 + 1) % len(people)]
        match row:
            case "account":
                return f"/api/v1/accounts/{other.id}/statuses?limit=20"
            case "followers":
                return f"/api/v1/accounts/{other.id}/followers?limit=20"
            case "notifications":
                return "/api/v1/notifications?limit=20"
            case "groups":
                return "/api/v2/notifications?limit=20"
            case "tag":
                return f"/api/v1/timelines/tag/{HASHTAGS[number % len(HASHTAGS)]}?limit=20"
            case "list":
                return f"/api/v1/timelines/list/{made.lists[number]}?limit=20"
            case "favourited_by":
                return f"/api/v1/statuses/{made.liked[number]}/favourited_by?limit=20"
            case "relationships":
                ids = (people[(number + step) % len(people)].id for step in range(20))
                return "/api/v1/accounts/relationships?" + "&".join(f"id[]={id_}" for id_ in ids)
            case "search":
                return f"/api/v2/search?type=accounts&limit=20&q={people[0].name[:5]}"
            case _:
                return f"/api/v1/{row}?limit=20"


def _endless(requests: Sequence[bytes], start: int) -> Source:
    each: Iterator[bytes] = itertools.islice(itertools.cycle(requests), start % len(requests), None)
    return lambda: next(each)
