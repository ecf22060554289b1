"""What the people of the crowd do, one method for each kind of act.

Each act picks who does it to what, notes in the ledger that it is under way, and writes down what the answer says.
People like, answer and boost what they saw: posts are known from the timelines that they read. What is by others than
the crowd they let alone.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import msgspec

from ripstop.rehearsal.graph import Graph
from ripstop.rehearsal.ledger import (
    Ledger,
    Pairs,
    PersonFact,
    PostFact,
    Refusal,
    State,
    begin,
    forget,
)
from ripstop.rehearsal.plan import Plan
from ripstop.rehearsal.pool import clock
from ripstop.rehearsal.sender import Attempt, Sender
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.texts import HASHTAGS, draw_text
from ripstop.rehearsal.wire import Answer

PASSWORD = "a rehearsal is no opening night"  # noqa: S105 (of accounts that a rehearsal makes)
GONE = (404, 410)
KNOWN_POSTS = 2_000
SAMPLED_READS = 8
"""One read in so many is decoded for posts to act on; the others are counted only, which is cheaper."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One process's share of the crowd: the persons whose number is `index` modulo the number of processes."""

    plan: Plan
    url: str
    app_token: str
    stem: str
    index: int
    count: int


class Founder(msgspec.Struct, frozen=True, array_like=True):
    """Somebody who signed up before the traffic, known to all processes."""

    number: int
    name: str
    id: str


class _SeenAccount(msgspec.Struct):
    id: str
    acct: str


class _SeenPost(msgspec.Struct):
    id: str
    account: _SeenAccount
    reblog: dict[str, object] | None = None


class _Token(msgspec.Struct):
    access_token: str


T = TypeVar("T")

_read_page = msgspec.json.Decoder(list[_SeenPost]).decode
_read_post = msgspec.json.Decoder(_SeenPost).decode
_read_account = msgspec.json.Decoder(_SeenAccount).decode
_read_token = msgspec.json.Decoder(_Token).decode


class Acts:
    """All that one process's people can do. An act returns None when there is nothing to do it to."""

    def __init__(self, share: Share, graph: Graph, sender: Sender) -> None:
        self.ledger = Ledger()
        self.founders: dict[int, Founder] = {}
        self._share = share
        self._plan = share.plan
        self._graph = graph
        self._sender = sender
        self._target = Target.from_url(share.url)
        self._rng = random.Random(f"{share.plan.seed}/{share.index}")
        self._next_number = share.plan.people + share.index
        self._serial = 0
        self._reads = 0
        self._people: list[PersonFact] = []
        self._numbers: dict[str, int] = {}
        self._wanted: deque[tuple[PersonFact, int]] = deque()
        self._known: deque[_SeenPost] = deque(maxlen=KNOWN_POSTS)
        self._own_posts: list[tuple[PersonFact, PostFact]] = []
        self._likes: list[tuple[PersonFact, str]] = []
        self._follows: list[tuple[PersonFact, str]] = []
        self._texts = [draw_text(self._rng, 100) for _ in range(256)]
        self.by_kind: dict[str, Callable[[float], Attempt | None]] = {
            "sign_up": self.sign_up_newcomer,
            "follow": self.follow,
            "unfollow": self.unfollow,
            "post": self.post,
            "delete": self.delete,
            "like": self.like,
            "unlike": self.unlike,
            "boost": self.boost,
            "home": self.home,
            "local": self.local,
        }

    @property
    def people(self) -> list[PersonFact]:
        """Whose token and id are known, in the order of their arrival."""
        return self._people

    # Arriving

    def sign_up_newcomer(self, due: float) -> Attempt | None:
        number = self._next_number
        self._next_number += self._share.count
        return self.sign_up(number, due)

    def sign_up(self, number: int, due: float) -> Attempt:
        person = PersonFact(name=f"{self._share.stem}{number}")
        self.ledger.people[person.name] = person
        self._numbers[person.name] = number

        def settle(attempt: Attempt, answer: Answer | None) -> None:
            if answer is not None and answer.ok:
                person.state = State.ON
                person.token = _read_token(answer.body).access_token
                self._sender.send(self._introduce(person))
            elif answer is not None and attempt.doubt and answer.status == 422:
                person.state = State.ON  # taken, and nobody else uses this name: the lost answer was a success
            elif answer is not None:
                del self.ledger.people[person.name]

        form = {
            "username": person.name,
            "email": f"{person.name}@example.org",
            "password": PASSWORD,
            "agreement": "true",
            "locale": "en",
            "reason": "to rehearse",
        }
        return self._write("sign_up", "/api/v1/accounts", self._share.app_token, settle, due, form=form)

    def _introduce(self, person: PersonFact) -> Attempt:
        """The new token must work at once; its answer says the account's id."""

        def settle(_: Attempt, answer: Answer | None) -> None:
            if answer is not None and answer.ok:
                person.id = _read_account(answer.body).id
                self._people.append(person)
                number = self._numbers[person.name]
                if number >= self._plan.people:
                    self.want_follows(person, number)

        path = "/api/v1/accounts/verify_credentials"
        request = self._target.request("GET", path, token=person.token)
        return Attempt("verify", request, settle, due=clock())

    def meet(self, founders: list[Founder]) -> None:
        """Everybody who signed up first becomes known; this process's people plan whom to follow."""
        self.founders = {founder.number: founder for founder in founders}
        for person in self._people:
            self.want_follows(person, self._numbers[person.name])

    def own_founders(self) -> list[Founder]:
        return [Founder(self._numbers[person.name], person.name, person.id) for person in self._people]

    def want_follows(self, person: PersonFact, number: int) -> None:
        self._wanted.extend((person, target) for target in self._graph.targets(number))

    # Following

    def next_wanted(self, due: float) -> Attempt | None:
        """The next follow of the graph, None when all are there."""
        while self._wanted:
            person, number = self._wanted.popleft()
            founder = self.founders.get(number)
            if founder is not None and founder.id not in self.ledger.follows.get(person.id, ()):
                return self._follow(person, founder.id, due)
        return None

    def follow(self, due: float) -> Attempt | None:
        attempt = self.next_wanted(due)
        if attempt is not None or not self._people:
            return attempt
        person = self._somebody()
        founder = self.founders.get(self._graph.draw(self._rng))
        if founder is None or founder.id == person.id or founder.id in self.ledger.follows.get(person.id, ()):
            return None
        return self._follow(person, founder.id, due)

    def _follow(self, person: PersonFact, target: str, due: float) -> Attempt:
        settle = self._set(self.ledger.follows, person, target, self._follows)
        return self._write("follow", f"/api/v1/accounts/{target}/follow", person.token, settle, due)

    def unfollow(self, due: float) -> Attempt | None:
        if not self._follows:
            return None
        person, target = _take(self._follows, self._rng)
        settle = self._take_back(self.ledger.follows, person, target)
        return self._write("unfollow", f"/api/v1/accounts/{target}/unfollow", person.token, settle, due)

    # Posts

    def post(self, due: float) -> Attempt | None:
        if not self._people:
            return None
        plan, rng, author = self._plan, self._rng, self._somebody()
        self._serial += 1
        key = f"{self._share.stem}k{self._share.index}n{self._serial}"
        form = {"visibility": "public"}
        words, mentions, tags, reply_to = [], [], [], ""
        if self._known and rng.random() < plan.reply_share:
            parent = rng.choice(self._known)
            reply_to = form["in_reply_to_id"] = parent.id
            words.append(f"@{parent.account.acct}")
            mentions.append(parent.account.id)
        if self.founders and rng.random() < plan.mention_share:
            founder = self.founders.get(self._graph.draw(rng))
            if founder is not None:
                words.append(f"@{founder.name}")
                mentions.append(founder.id)
        words.append(rng.choice(self._texts))
        if rng.random() < plan.hashtag_share:
            tags.append(rng.choice(HASHTAGS))
            words.append(f"#{tags[0]}")
        form["status"] = " ".join([*words, key])
        post = PostFact(
            author=author.id, key=key, sent=clock(), reply_to=reply_to, mentions=tuple(mentions), tags=tuple(tags)
        )
        self.ledger.posts[key] = post

        def settle(_: Attempt, answer: Answer | None) -> None:
            if answer is None:
                return
            if answer.ok:
                seen = _read_post(answer.body)
                post.id, post.state = seen.id, State.ON
                self._known.append(seen)
                self._own_posts.append((author, post))
                return
            del self.ledger.posts[key]
            if reply_to and answer.status in (*GONE, 422):
                self.ledger.refusals.append(Refusal("reply", author.id, reply_to))

        return self._write("post", "/api/v1/statuses", author.token, settle, due, form=form, key=key)

    def delete(self, due: float) -> Attempt | None:
        if not self._own_posts:
            return None
        author, post = _take(self._own_posts, self._rng)
        post.state = State.UNKNOWN

        def settle(attempt: Attempt, answer: Answer | None) -> None:
            if answer is None:
                return
            gone = answer.ok or (attempt.doubt and answer.status in GONE)
            post.state = State.OFF if gone else State.ON

        request = self._target.request("DELETE", f"/api/v1/statuses/{post.id}", token=author.token)
        return Attempt("delete", request, settle, due=due)

    # Likes and boosts

    def like(self, due: float) -> Attempt | None:
        return self._react("like", "favourite", self.ledger.likes, self._likes, due)

    def boost(self, due: float) -> Attempt | None:
        return self._react("boost", "reblog", self.ledger.boosts, [], due)

    def unlike(self, due: float) -> Attempt | None:
        if not self._likes:
            return None
        person, post = _take(self._likes, self._rng)
        settle = self._take_back(self.ledger.likes, person, post)
        return self._write("unlike", f"/api/v1/statuses/{post}/unfavourite", person.token, settle, due)

    def _react(
        self, kind: str, verb: str, pairs: Pairs, done: list[tuple[PersonFact, str]], due: float
    ) -> Attempt | None:
        if not self._known or not self._people:
            return None
        person, post = self._somebody(), self._rng.choice(self._known).id
        if post in pairs.get(person.id, ()):
            return None
        settle = self._set(pairs, person, post, done, act=kind)
        return self._write(kind, f"/api/v1/statuses/{post}/{verb}", person.token, settle, due)

    # Reading

    def home(self, due: float) -> Attempt | None:
        if not self._people:
            return None
        return self._read("home", "/api/v1/timelines/home?limit=20", due)

    def local(self, due: float) -> Attempt | None:
        return self._read("local", "/api/v1/timelines/public?local=true&limit=20", due) if self._people else None

    def _read(self, kind: str, path: str, due: float) -> Attempt:
        self._reads += 1
        look = self._reads % SAMPLED_READS == 0 or not self._known

        def settle(_: Attempt, answer: Answer | None) -> None:
            if look and answer is not None and answer.ok:
                self._known.extend(seen for seen in _read_page(answer.body) if self._is_for_us(seen))

        request = self._target.request("GET", path, token=self._somebody().token)
        return Attempt(kind, request, settle, due=due, patient=False)

    # Shared

    def _is_for_us(self, post: _SeenPost) -> bool:
        """Whether to act on a post: what strangers wrote is let alone, since no ledger knows what is right there."""
        return post.reblog is None and post.account.acct.startswith(self._share.stem)

    def _somebody(self) -> PersonFact:
        """Activity is skewed as popularity is: half of all acts come from a quarter of the people."""
        return self._people[int(len(self._people) * self._rng.random() ** 2)]

    def _write(
        self,
        kind: str,
        path: str,
        token: str,
        settle: Callable[[Attempt, Answer | None], None],
        due: float,
        *,
        form: dict[str, str] | None = None,
        key: str = "",
    ) -> Attempt:
        request = self._target.request("POST", path, token=token, form=form, key=key)
        return Attempt(kind, request, settle, due=due)

    def _set(
        self, pairs: Pairs, person: PersonFact, target: str, done: list[tuple[PersonFact, str]], *, act: str = ""
    ) -> Callable[[Attempt, Answer | None], None]:
        fact = begin(pairs, person.id, target)

        def settle(_: Attempt, answer: Answer | None) -> None:
            if answer is None:
                return
            if answer.ok:
                fact.state, fact.since = State.ON, clock()
                done.append((person, target))
                return
            forget(pairs, person.id, target)
            if act and answer.status in GONE:
                self.ledger.refusals.append(Refusal(act, person.id, target))

        return settle

    def _take_back(self, pairs: Pairs, person: PersonFact, target: str) -> Callable[[Attempt, Answer | None], None]:
        since = pairs[person.id][target].since
        fact = begin(pairs, person.id, target)

        def settle(_: Attempt, answer: Answer | None) -> None:
            if answer is not None:
                fact.state = State.OFF if answer.ok else State.ON
                fact.since = clock() if answer.ok else since

        return settle


def _take(items: list[tuple[PersonFact, T]], rng: random.Random) -> tuple[PersonFact, T]:
    """Remove one at random, in constant time."""
    index = rng.randrange(len(items))
    items[index], items[-1] = items[-1], items[index]
    return items.pop()
