"""The data that the rows are measured on, made over the API.

100 people in a ring, each following the next 15 (so each has 15 followers), 50 posts of about 140 characters each,
posted in rounds so that timelines interleave, a tenth of them replies, and threads of 11 posts.
"""

from __future__ import annotations

import random
import secrets
import string

import msgspec

from ripstop.rehearsal.acts import PASSWORD
from ripstop.rehearsal.crowd import register_app
from ripstop.rehearsal.ledger import PersonFact
from ripstop.rehearsal.pool import Pool
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.texts import HASHTAGS, draw_text
from ripstop.rehearsal.wire import Answer

POST_CHARACTERS = 140
THREAD_REPLIES = 10
CONNECTIONS = 16
TRIES = 50
"""A busy server may shed what the dataset needs; it is asked again."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How large the dataset is."""

    people: int = 100
    follows: int = 15
    posts: int = 50
    threads: int = 20
    replies: float = 0.1
    seed: int = 1


class Dataset(msgspec.Struct, kw_only=True):
    """People by number, the posts of each in their order, and the threads, root first."""

    shape: Shape
    app_token: str
    people: list[PersonFact]
    posts: list[list[str]]
    threads: list[list[str]]

    def every_post(self) -> list[str]:
        return [post for posts in self.posts for post in posts]


class _Named(msgspec.Struct):
    id: str


class _Token(msgspec.Struct):
    access_token: str


class SeedError(Exception):
    """The server refused what the dataset needs."""


async def sign_up(pool: Pool, app_token: str, name: str) -> PersonFact:
    """One person with a working token."""
    form = {
        "username": name,
        "email": f"{name}@example.org",
        "password": PASSWORD,
        "agreement": "true",
        "locale": "en",
    }
    answer = await pool.call("POST", "/api/v1/accounts", token=app_token, form=form, tries=TRIES)
    token = msgspec.json.decode(_good(answer), type=_Token).access_token
    answer = await pool.call("GET", "/api/v1/accounts/verify_credentials", token=token, tries=TRIES)
    return PersonFact(name=name, id=msgspec.json.decode(_good(answer), type=_Named).id, token=token)


async def seed_dataset(target: Target, shape: Shape) -> Dataset:
    """Make the dataset. Raises SeedError with the server's answer when it refuses a part of it."""
    rng = random.Random(shape.seed)
    stem = "".join(secrets.choice(string.ascii_lowercase) for _ in range(5))
    async with Pool(target, size=CONNECTIONS, timeout=60.0) as pool:
        data = Dataset(shape=shape, app_token=await register_app(pool), people=[], posts=[], threads=[])
        data.people = [PersonFact("") for _ in range(shape.people)]
        data.posts = [[] for _ in range(shape.people)]

        async def arrive(number: int) -> None:
            data.people[number] = await sign_up(pool, data.app_token, f"{stem}{number}")

        async def follow(edge: tuple[int, int]) -> None:
            source, target = data.people[edge[0]], data.people[edge[1]]
            _good(await pool.call("POST", f"/api/v1/accounts/{target.id}/follow", token=source.token, tries=TRIES))

        await pool.each(range(shape.people), arrive)
        ring = [(a, (a + step) % shape.people) for a in range(shape.people) for step in range(1, shape.follows + 1)]

        async def read_home(person: PersonFact) -> None:
            _good(await pool.call("GET", "/api/v1/timelines/home", token=person.token, tries=TRIES))

        await pool.each(ring, follow)
        # Posts are pushed to the homes of those who read theirs, so everybody does once before the first post.
        await pool.each(data.people, read_home)
        for _ in range(shape.posts):
            await _round_of_posts(pool, data, rng)
        await pool.each(range(shape.threads), lambda number: _thread(pool, data, number))
    return data


async def write_post(pool: Pool, author: PersonFact, text: str, reply_to: str = "") -> str:
    """The id of a new post."""
    form = {"status": text, "visibility": "public"}
    if reply_to:
        form["in_reply_to_id"] = reply_to
    answer = await pool.call("POST", "/api/v1/statuses", token=author.token, form=form, tries=TRIES)
    return msgspec.json.decode(_good(answer), type=_Named).id


async def _round_of_posts(pool: Pool, data: Dataset, rng: random.Random) -> None:
    """One post of everybody, some of them replies to somebody whom they follow."""
    drafts: list[tuple[int, str, str]] = []
    for number in range(data.shape.people):
        other = (number + rng.randint(1, data.shape.follows)) % data.shape.people
        text, reply_to = draw_text(rng, POST_CHARACTERS), ""
        if rng.random() < 0.15:
            text += f" #{rng.choice(HASHTAGS)}"
        if data.posts[other] and rng.random() < data.shape.replies:
            text, reply_to = f"@{data.people[other].name} {text}", rng.choice(data.posts[other])
        drafts.append((number, text, reply_to))

    async def write(draft: tuple[int, str, str]) -> None:
        number, text, reply_to = draft
        data.posts[number].append(await write_post(pool, data.people[number], text, reply_to))

    await pool.each(drafts, write)


async def _thread(pool: Pool, data: Dataset, number: int) -> None:
    """A root and ten replies: every second one answers the root, the others the reply before them."""
    rng = random.Random(f"thread {number}")
    root_author = number % data.shape.people
    ids = [await write_post(pool, data.people[root_author], draw_text(rng, POST_CHARACTERS))]
    for step in range(1, THREAD_REPLIES + 1):
        author = data.people[(root_author + step) % data.shape.people]
        parent = ids[0] if step % 2 else ids[-1]
        text = f"@{data.people[root_author].name} {draw_text(rng, POST_CHARACTERS - 20)}"
        ids.append(await write_post(pool, author, text, parent))
    data.threads.append(ids)


def _good(answer: Answer) -> bytes:
    if not answer.ok:
        raise SeedError(f"The server answered {answer.status}: {answer.body[:300]!r}")
    return answer.body
