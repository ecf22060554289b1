"""What each row asks of the server: the requests of its connections, in turn."""

from __future__ import annotations

import itertools
import random
import secrets
import string
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from bench.dataset import POST_CHARACTERS, Dataset
from bench.load import Source
from ripstop.rehearsal.acts import PASSWORD
from ripstop.rehearsal.ledger import PersonFact
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.texts import draw_text

HOME = "/api/v1/timelines/home?limit=20"
LOCAL = "/api/v1/timelines/public?local=true&limit=20"
VERIFY = "/api/v1/accounts/verify_credentials"
NOTIFICATIONS = "/api/v1/notifications?limit=20"
SEARCH_POSTS = "/api/v2/search?type=statuses&limit=20&q="
SEARCHED = ("harbour lantern", "quiet bicycle", "often", "teacher question story")
BLOCK = 20

MIX = (
    ("home", 35),
    ("local", 10),
    ("context", 12),
    ("account", 10),
    ("notifications", 8),
    ("verify", 5),
    ("status", 5),
    ("favourite", 7),
    ("post", 5),
    ("follow", 3),
)
"""Per cent of the mixed row: 85 of them reads."""


class Requests:
    """Makes the sources of a row, one for each connection. Connections never share a person who writes."""

    def __init__(self, target: Target, data: Dataset, *, connections: int) -> None:
        self._target = target
        self._data = data
        self._connections = connections
        self._serial = itertools.count()
        rng = random.Random(7)
        self._texts = [draw_text(rng, POST_CHARACTERS - 10) for _ in range(500)]

    def sources(self, row: str) -> list[Source]:
        """The sources of one of the rows: home, local, context, verify, page, post, favourite, follow, mixed,
        sign_up."""
        return [_source(getattr(self, f"_{row}")(connection)) for connection in range(self._connections)]

    def _home(self, connection: int) -> Iterator[bytes]:
        return self._each_person(HOME, connection)

    def _local(self, connection: int) -> Iterator[bytes]:
        return self._each_person(LOCAL, connection)

    def _verify(self, connection: int) -> Iterator[bytes]:
        return self._each_person(VERIFY, connection)

    def _page(self, connection: int) -> Iterator[bytes]:
        """Pages for everybody, each of which begins elsewhere, so that none is kept when it is asked for again."""
        posts = self._data.every_post()
        random.Random(connection).shuffle(posts)
        for post in itertools.cycle(posts):
            yield self._target.request("GET", f"/public?max_id={post}")

    def _search_accounts(self, connection: int) -> Iterator[bytes]:
        """By how the names of the people begin."""
        return self._each_person(f"/api/v2/search?type=accounts&limit=20&q={self._data.people[0].name[:5]}", connection)

    def _search_posts(self, connection: int) -> Iterator[bytes]:
        """By words that are in many posts; the newest that have them all are shown."""
        for number in itertools.count(connection):
            words = SEARCHED[number % len(SEARCHED)]
            yield self._get(SEARCH_POSTS + quote(words), self._data.people[number % len(self._data.people)])

    def _notifications(self, connection: int) -> Iterator[bytes]:
        return self._each_person(NOTIFICATIONS, connection)

    def _each_person(self, path: str, connection: int) -> Iterator[bytes]:
        """A read by everybody in turn, each connection beginning elsewhere."""
        people = self._data.people
        requests = [self._get(path, person) for person in people]
        return itertools.islice(itertools.cycle(requests), connection * len(people) // self._connections, None)

    def _context(self, connection: int) -> Iterator[bytes]:
        """A thread of 11 posts, asked for at its root, by somebody else each time."""
        rng = random.Random(connection)
        while True:
            root = rng.choice(self._data.threads)[0]
            yield self._get(f"/api/v1/statuses/{root}/context", rng.choice(self._data.people))

    def _post(self, connection: int) -> Iterator[bytes]:
        rng = random.Random(connection)
        for author in itertools.cycle(self._mine(connection)):
            yield self._new_post(author, rng)

    def _favourite(self, connection: int) -> Iterator[bytes]:
        """Likes of 20 posts, then the same taken back, and so on."""
        me = connection % len(self._data.people)
        person = self._data.people[me]
        posts = [post for number, posts in enumerate(self._data.posts) if number != me for post in posts]
        random.Random(connection).shuffle(posts)
        for start in itertools.cycle(range(0, len(posts) - BLOCK, BLOCK)):
            for verb in ("favourite", "unfavourite"):
                for post in posts[start : start + BLOCK]:
                    yield self._act(f"/api/v1/statuses/{post}/{verb}", person)

    def _follow(self, connection: int) -> Iterator[bytes]:
        """Follows of 20 people who were not followed, then the same taken back, and so on."""
        count, shape = len(self._data.people), self._data.shape
        mine = range(connection, count, self._connections)
        pairs = [(a, (a + step) % count) for a in mine for step in range(shape.follows + 1, count)]
        random.Random(connection).shuffle(pairs)
        for start in itertools.cycle(range(0, len(pairs) - BLOCK, BLOCK)):
            for verb in ("follow", "unfollow"):
                for source, target in pairs[start : start + BLOCK]:
                    path = f"/api/v1/accounts/{self._data.people[target].id}/{verb}"
                    yield self._act(path, self._data.people[source])

    def _mixed(self, connection: int) -> Iterator[bytes]:
        rng, data = random.Random(100 + connection), self._data
        writes = {name: getattr(self, f"_{name}")(connection) for name in ("favourite", "post", "follow")}
        fixed = {"home": HOME, "local": LOCAL, "notifications": NOTIFICATIONS, "verify": VERIFY}
        every, roots = data.every_post(), [ids[0] for ids in data.threads]
        kinds, weights = [kind for kind, _ in MIX], [weight for _, weight in MIX]
        while True:
            for kind in rng.choices(kinds, weights, k=256):
                person = rng.choice(data.people)
                if kind in writes:
                    yield next(writes[kind])
                elif kind in fixed:
                    yield self._get(fixed[kind], person)
                elif kind == "context":
                    yield self._get(f"/api/v1/statuses/{rng.choice(roots + every[:20])}/context", person)
                elif kind == "status":
                    yield self._get(f"/api/v1/statuses/{rng.choice(every)}", person)
                else:
                    yield self._get(f"/api/v1/accounts/{rng.choice(data.people).id}/statuses?limit=20", person)

    def _sign_up(self, connection: int) -> Iterator[bytes]:
        stem = "".join(secrets.choice(string.ascii_lowercase) for _ in range(6))
        for number in itertools.count():
            name = f"{stem}{connection}_{number}"
            form = {
                "username": name,
                "email": f"{name}@example.org",
                "password": PASSWORD,
                "agreement": "true",
                "locale": "en",
            }
            yield self._target.request("POST", "/api/v1/accounts", token=self._data.app_token, form=form)

    def _mine(self, connection: int) -> Sequence[PersonFact]:
        return self._data.people[connection % len(self._data.people) :: self._connections]

    def _new_post(self, author: PersonFact, rng: random.Random) -> bytes:
        form = {"status": f"{rng.choice(self._texts)} {next(self._serial)}", "visibility": "public"}
        return self._target.request("POST", "/api/v1/statuses", token=author.token, form=form)

    def _get(self, path: str, person: PersonFact) -> bytes:
        return self._target.request("GET", path, token=person.token)

    def _act(self, path: str, person: PersonFact) -> bytes:
        return self._target.request("POST", path, token=person.token)


def _source(requests: Iterator[bytes]) -> Source:
    return lambda: next(requests, None)
