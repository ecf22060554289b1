"""A population with things in it that are much larger than the rest, beside small ones of the same kind.

Account 0 is followed by everybody, account 1 by few. Most posts carry one hashtag, ten another. Two threads have
been answered: one by thousands of posts, one by ten.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.population import CountRow, EdgeRow, Population, Size, count_row, edge_row, shard_bits
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS
from ripstop.domain.posts.model import (
    IN_THREAD,
    IS_PUBLIC,
    REPLIES,
    REPLY,
    REPLY_TO,
    TAG_POSTS,
    TAGGED,
    THREAD,
    Post,
    tag_id,
)
from ripstop.kernel.ids import first_id_at

MANY, FEW = "crowded", "quiet"
"""The hashtags."""
FEW_ANSWERS = 10


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """How large the large things are. `tagged` posts carry the hashtag, `answers` stand in the long thread."""

    size: Size = Size(accounts=1_000_000, posts=1_050_000, follows=1, likes=1_000_000)
    tagged: int = 1_000_000
    answers: int = 4_000


class Crowded(Population):
    """The rows of a population with a few very large lists.

    Post 0 begins the long thread and post 1 the short one. The answers to them are the posts that follow, each second
    one to the first post, the others to the answer before. Then come posts with the hashtag of few, then the others.
    """

    def __init__(self, crowd: Crowd, *, application: int) -> None:
        super().__init__(crowd.size, application=application)
        self.crowd = crowd
        self._first_tagged = 2 + crowd.answers + 2 * FEW_ANSWERS
        if crowd.size.posts < self._first_tagged + crowd.tagged:
            raise ValueError("There are fewer posts than the crowd needs.")

    @property
    def middle_fan(self) -> int:
        """A cursor in the middle of those who follow account 0."""
        return self._fan(self.size.accounts // 2)

    @property
    def middle_tagged(self) -> int:
        """A cursor in the middle of the posts with the hashtag of many."""
        return self.post(self._first_tagged + self.crowd.tagged // 2)

    def thread_of(self, number: int) -> tuple[int, int] | None:
        """Numbers of the first post of a post's thread and of the post that it answers."""
        answers = self.crowd.answers
        if 2 <= number < 2 + answers:
            return 0, (0 if number % 2 == 0 else number - 1)
        if 2 + answers <= number < 2 + answers + FEW_ANSWERS:
            return 1, 1
        return None

    def tag_of(self, number: int) -> str | None:
        if self._first_tagged <= number < self._first_tagged + self.crowd.tagged:
            return MANY
        return FEW if self._first_tagged - FEW_ANSWERS <= number < self._first_tagged else None

    def make_post(self, number: int) -> Post:
        post = super().make_post(number)
        thread, tag = self.thread_of(number), self.tag_of(number)
        if thread is not None:
            root, parent = thread
            post = msgspec.structs.replace(
                post,
                root=self.post(root),
                in_reply_to=self.post(parent),
                in_reply_to_author=self.account(parent % self.size.accounts),
            )
        if tag is not None:
            text = f"{post.text} #{tag}"
            post = msgspec.structs.replace(post, text=text, content=f"<p>{text}</p>", tags=(tag,))
        return post

    def is_answer(self, number: int) -> bool:
        thread = self.thread_of(number)
        accounts = self.size.accounts
        return thread is not None and thread[1] % accounts != number % accounts

    def edges(self) -> Iterator[EdgeRow]:
        yield from super().edges()
        for number in self._fans():
            yield edge_row(self.account(number), FOLLOWS, self._fan(number), self.account(0), 0)
            yield edge_row(self.account(0), FOLLOWED_BY, self._fan(number), self.account(number), 0)
        for number in range(self.size.posts):
            post = self.post(number)
            if (tag := self.tag_of(number)) is not None:
                yield edge_row(tag_id(tag), TAG_POSTS, post, post, IS_PUBLIC)
                yield edge_row(post, TAGGED, post, tag_id(tag), IS_PUBLIC)
            if (thread := self.thread_of(number)) is not None:
                root, parent = self.post(thread[0]), self.post(thread[1])
                flags = IS_PUBLIC | REPLY
                yield edge_row(post, REPLY_TO, post, parent, flags)
                yield edge_row(parent, REPLIES, post, post, flags)
                yield edge_row(post, IN_THREAD, post, root, flags)
                yield edge_row(root, THREAD, post, post, flags)

    def counts(self) -> Iterator[CountRow]:
        yield from super().counts()
        answers: dict[int, list[int]] = {}
        for number in range(self._first_tagged):
            if (thread := self.thread_of(number)) is not None:
                answers.setdefault(thread[1], []).append(self.post(number))
                yield from count_row(self.post(number), REPLY_TO, 1, self.post(number))
        for tag, first, count in (
            (FEW, self._first_tagged - FEW_ANSWERS, FEW_ANSWERS),
            (MANY, self._first_tagged, self.crowd.tagged),
        ):
            yield from count_row(tag_id(tag), TAG_POSTS, count, self.post(first + count - 1))
        for number, posts in answers.items():
            yield from count_row(self.post(number), REPLIES, len(posts), posts[-1])

    def account_counts(self, number: int) -> Iterator[CountRow]:
        """What the ring makes, and the follows of account 0 beside it."""
        fans = self._fans()
        for row in super().account_counts(number):
            if row.type == FOLLOWS.number and number in fans:
                yield row._replace(length=row.length + 1, newest=self._fan(number))
            elif row.type == FOLLOWED_BY.number and number == 0:
                yield row._replace(length=row.length + len(fans), newest=self._fan(fans[-1]))
            else:
                yield row

    def _fans(self) -> range:
        """Numbers of those who follow account 0 though it is not among the next ones in the ring."""
        return range(1, self.size.accounts - self.size.follows)

    def _fan(self, number: int) -> int:
        """The order of a fan's follow."""
        return first_id_at(self.first_like + 2 * self.size.likes + number) | shard_bits(number)
