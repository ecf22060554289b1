"""A large population, as the rows that it would have left behind by signing up, following and posting.

Everything is computed from numbers: account `a` and post `i` have ids that say when they came, in the order of their
numbers, so that all rows of a table come in the order of its key and a store takes them as fast as it can.
Post `i` is written by account `i` modulo the number of accounts; account `a` follows the next ones in a ring.
Two posts are liked: post 0 by `likes` accounts, post 1 by ten. Every tenth account agreed to have its posts searched.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import (
    ACCOUNT,
    CREDENTIALS,
    HOLDS_TOKEN,
    TOKEN,
    Account,
    Credentials,
    Token,
    account_name,
    mail_name,
    token_name,
)
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS
from ripstop.domain.posts.model import (
    IS_PUBLIC,
    LIKED,
    LIKED_BY,
    LISTED,
    LOCAL_TIMELINE,
    POST,
    POSTED,
    REPLY,
    TIMELINE,
    Post,
)
from ripstop.domain.search.functions import document_of
from ripstop.engines.base import Counted
from ripstop.engines.derived import TextDocument
from ripstop.kernel.ids import SHARDS, first_id_at, time_ms
from ripstop.machinery.graph import Association
from ripstop.rehearsal.texts import draw_text

FIRST_MS = 1_700_000_000_000
"""When the first account came, in milliseconds since the Unix epoch; everything happens a millisecond apart."""
TEXTS = 1_000
FEW_LIKES = 10
SEARCHED = 10
"""Of so many accounts one agreed to have its posts searched."""
HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "c2FsdHNhbHRzYWx0c2FsdA$" + "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
"""A password hash of the usual length that no password has."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large the population is."""

    accounts: int = 1_000_000
    posts: int = 10_000_000
    follows: int = 5
    likes: int = 1_000_000

    def __post_init__(self) -> None:
        if self.accounts <= max(self.follows, FEW_LIKES) or self.posts < 2:
            raise ValueError("A population has more accounts than one follows, and at least two posts.")


class ObjectRow(NamedTuple):
    id: int
    type: int
    data: str


class EdgeRow(NamedTuple):
    """One half of an association, in the list of its source."""

    source: int
    type: int
    order: int
    target: int
    flags: int
    keyed: bool


class CountRow(NamedTuple):
    source: int
    type: int
    length: int
    newest: int


class NameRow(NamedTuple):
    name: str
    holder: int


class Population:
    """The rows of a population, table by table. `application` is the id of what all of them signed up with."""

    def __init__(self, size: Size, *, application: int) -> None:
        self.size = size
        self._application = application
        self._first_follow = FIRST_MS + size.accounts
        self._first_post = self._first_follow + size.accounts * size.follows
        self.first_like = self._first_post + size.posts
        rng = random.Random(11)
        self._texts = [draw_text(rng, 140) for _ in range(TEXTS)]

    def account(self, number: int) -> int:
        return first_id_at(FIRST_MS + number) | shard_bits(number)

    def token(self, number: int) -> int:
        return self.account(number) + 2

    def secret(self, number: int) -> str:
        """The bearer token of an account, so that a bench can act for it."""
        return f"grown-{number}"

    def post(self, number: int) -> int:
        return first_id_at(self._first_post + number) | shard_bits(number % self.size.accounts)

    def objects(self) -> Iterator[ObjectRow]:
        """Accounts with their credentials and tokens, then posts."""
        for number in range(self.size.accounts):
            yield from self._account_objects(number)
        for number in range(self.size.posts):
            yield ObjectRow(self.post(number), POST.number, POST.encode(self.make_post(number)))

    def make_post(self, number: int) -> Post:
        text = self._texts[number % TEXTS]
        return Post(
            author=self.account(number % self.size.accounts),
            created_at=time_ms(self.post(number)),
            text=text,
            content=f"<p>{text}</p>",
            language="en",
        )

    def is_answer(self, number: int) -> bool:
        """Whether a post answers somebody else's, and so does not stand in the local timeline."""
        return False

    def is_searched(self, number: int) -> bool:
        """Whether an account agreed to have its posts searched."""
        return number % SEARCHED == 0

    def documents(self) -> Iterator[TextDocument]:
        """What the text index of posts holds of those who agreed to it."""
        for number in range(self.size.posts):
            author = number % self.size.accounts
            if self.is_searched(author):
                yield document_of(self.post(number), self.make_post(number))

    def _account_objects(self, number: int) -> Iterator[ObjectRow]:
        id_, now_ms = self.account(number), FIRST_MS + number
        credentials, token = id_ + 1, id_ + 2
        account = Account(
            username=_username(number),
            created_at=now_ms,
            credentials=credentials,
            indexable=self.is_searched(number),
        )
        yield ObjectRow(id_, ACCOUNT.number, ACCOUNT.encode(account))
        login = Credentials(account=id_, email=_email(number), created_at=now_ms, password_hash=HASH)
        yield ObjectRow(credentials, CREDENTIALS.number, CREDENTIALS.encode(login))
        granted = Token(
            application=self._application,
            scopes=("read", "write", "follow"),
            hash=_digest(self.secret(number)),
            created_at=now_ms,
            account=id_,
        )
        yield ObjectRow(token, TOKEN.number, TOKEN.encode(granted))

    def edges(self) -> Iterator[EdgeRow]:
        """Both halves of all associations: of the timeline, of accounts, of posts."""
        for number in range(self.size.posts):
            if not self.is_answer(number):
                post = self.post(number)
                yield edge_row(LOCAL_TIMELINE, TIMELINE, post, post, IS_PUBLIC)
        for number in range(self.size.accounts):
            yield from self._account_edges(number)
        likers = {0: self.size.likes, 1: FEW_LIKES}
        for number in range(self.size.posts):
            post = self.post(number)
            for actor in range(likers.get(number, 0)):
                yield edge_row(post, LIKED_BY, self._like(actor, number), self.account(actor), 0)
            if not self.is_answer(number):
                yield edge_row(post, LISTED, post, LOCAL_TIMELINE, IS_PUBLIC)

    def _account_edges(self, number: int) -> Iterator[EdgeRow]:
        size, source = self.size, self.account(number)
        for step in range(1, size.follows + 1):
            target = self.account((number + step) % size.accounts)
            yield edge_row(source, FOLLOWS, self._follow(number, step), target, 0)
        followers = [(self._follow((number - step) % size.accounts, step), (number - step) % size.accounts)
                     for step in range(1, size.follows + 1)]  # fmt: skip
        for order, follower in sorted(followers):
            yield edge_row(source, FOLLOWED_BY, order, self.account(follower), 0)
        for i in range(number, size.posts, size.accounts):
            post = self.post(i)
            yield edge_row(source, POSTED, post, post, IS_PUBLIC | (REPLY if self.is_answer(i) else 0))
        for post_number in (0, 1) if number < FEW_LIKES else (0,) if number < size.likes else ():
            yield edge_row(source, LIKED, self._like(number, post_number), self.post(post_number), 0)
        yield edge_row(source, HOLDS_TOKEN, self.token(number), self.token(number), 0)

    def counts(self) -> Iterator[CountRow]:
        """Lengths and newest orders of the lists that are counted."""
        size = self.size
        for number in range(size.accounts):
            yield from self.account_counts(number)
        for number, likes in ((0, size.likes), (1, FEW_LIKES)):
            yield from count_row(self.post(number), LIKED_BY, likes, self._like(likes - 1, number))

    def account_counts(self, number: int) -> Iterator[CountRow]:
        size, source = self.size, self.account(number)
        followers = [self._follow((number - step) % size.accounts, step) for step in range(1, size.follows + 1)]
        posts = range(number, size.posts, size.accounts)
        yield from count_row(source, FOLLOWS, size.follows, self._follow(number, size.follows))
        yield from count_row(source, FOLLOWED_BY, size.follows, max(followers, default=0))
        yield from count_row(source, POSTED, len(posts), self.post(posts[-1]) if posts else 0)

    def names(self) -> list[NameRow]:
        """User names, addresses and tokens, sorted."""
        rows = []
        for number in range(self.size.accounts):
            id_ = self.account(number)
            rows.append(NameRow(account_name(_username(number)), id_))
            rows.append(NameRow(mail_name(_email(number)), id_))
            rows.append(NameRow(token_name(_digest(self.secret(number))), self.token(number)))
        rows.sort()
        return rows

    def _follow(self, number: int, step: int) -> int:
        """The order of the follow of the account `step` places further."""
        return first_id_at(self._first_follow + number * self.size.follows + step) | shard_bits(number)

    def _like(self, actor: int, post: int) -> int:
        return first_id_at(self.first_like + 2 * actor + post) | shard_bits(actor)


def edge_row(source: int, type_: Association, order: int, target: int, flags: int) -> EdgeRow:
    return EdgeRow(source, type_.number, order, target, flags, type_.engine.keyed)


def count_row(source: int, type_: Association, length: int, newest: int) -> Iterator[CountRow]:
    if type_.engine.counted is not Counted.NO and length:
        yield CountRow(source, type_.number, length, newest)


def shard_bits(number: int) -> int:
    """Accounts are spread over all shards; what they own lives in theirs."""
    return (number * 619 % SHARDS) << 12


def _username(number: int) -> str:
    return f"grown{number}"


def _email(number: int) -> str:
    return f"grown{number}@example.org"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
