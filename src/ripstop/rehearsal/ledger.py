"""What the crowd was told: every effect that a server acknowledged, and those it left in doubt.

A fact about a pair (who follows whom, who likes what) is ON or OFF once an answer said so. It is UNKNOWN while a
request about it is under way, and stays UNKNOWN when that request died without an answer: then both outcomes are
right, and only the server knows which one happened. Each pair is set at most once and taken back at most once, and
its requests come from one process one after the other, so an entry has one writer.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TypeAlias

import msgspec


class State(enum.IntEnum):
    UNKNOWN = 0
    ON = 1
    OFF = 2


class Fact(msgspec.Struct, array_like=True):
    """`since` is the monotonic time (the machine's, in seconds) of the answer that last changed the state."""

    state: State = State.UNKNOWN
    since: float = 0.0


Pairs: TypeAlias = dict[str, dict[str, Fact]]


class PersonFact(msgspec.Struct, array_like=True):
    """An account. `id` and `token` are empty while the answer that named them is missing."""

    name: str
    id: str = ""
    token: str = ""
    state: State = State.UNKNOWN


class PostFact(msgspec.Struct, array_like=True):
    """A post. `key` is a word in its text and its Idempotency-Key; `sent` is when it was first sent."""

    author: str
    key: str
    sent: float
    id: str = ""
    state: State = State.UNKNOWN
    reply_to: str = ""
    mentions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Refusal(msgspec.Struct, array_like=True, frozen=True):
    """Something refused because its post was gone; right only if the post is."""

    act: str
    actor: str
    post: str


class Ledger(msgspec.Struct):
    """All facts. People are found by name, posts by key, pairs by the ids of their two ends."""

    people: dict[str, PersonFact] = {}
    posts: dict[str, PostFact] = {}
    follows: Pairs = {}
    likes: Pairs = {}
    boosts: Pairs = {}
    refusals: list[Refusal] = []

    def merge(self, other: Ledger) -> None:
        """Take over the facts of another process; the two never hold the same one."""
        self.people.update(other.people)
        self.posts.update(other.posts)
        self.refusals.extend(other.refusals)
        for mine, theirs in (
            (self.follows, other.follows),
            (self.likes, other.likes),
            (self.boosts, other.boosts),
        ):
            for source, facts in theirs.items():
                mine.setdefault(source, {}).update(facts)

    def counts(self) -> dict[str, int]:
        """How many facts of each kind there are, and how many are in doubt, for the report."""
        pairs = {"follows": self.follows, "likes": self.likes, "boosts": self.boosts}
        facts = {name: [fact.state for _, _, fact in each_pair(table)] for name, table in pairs.items()}
        facts["people"] = [person.state for person in self.people.values()]
        facts["posts"] = [post.state for post in self.posts.values()]
        return {
            **{name: states.count(State.ON) for name, states in facts.items()},
            "taken_back": sum(states.count(State.OFF) for states in facts.values()),
            "in_doubt": sum(states.count(State.UNKNOWN) for states in facts.values()),
        }


def each_pair(pairs: Pairs) -> Iterator[tuple[str, str, Fact]]:
    """All (source, target, fact) of a table."""
    for source, facts in pairs.items():
        for target, fact in facts.items():
            yield source, target, fact


def begin(pairs: Pairs, source: str, target: str) -> Fact:
    """A request about this pair is about to be sent: the fact is in doubt until it is answered."""
    fact = pairs.setdefault(source, {}).setdefault(target, Fact())
    fact.state = State.UNKNOWN
    return fact


def forget(pairs: Pairs, source: str, target: str) -> None:
    """The request had no effect for certain."""
    pairs[source].pop(target, None)
