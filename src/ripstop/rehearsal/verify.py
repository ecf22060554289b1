"""Holds a server to what it acknowledged, over its own API.

Every acknowledged account, follow, post, like and boost must be there, and what was taken back must be gone; each
count must equal both the ledger and the list that it counts; every follower's home must hold the posts that it must
hold. What is in doubt (a request died without an answer) may be either way, so the server is asked which, and from
then on it is held to its own answer: counts must agree with that too, and nothing may have happened twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ripstop.rehearsal.ledger import Fact, Ledger, PersonFact, State, each_pair
from ripstop.rehearsal.pool import Pool, clock
from ripstop.rehearsal.probe import Probe, StatusView
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.truth import Truth
from ripstop.rehearsal.verdict import Verdict

T = TypeVar("T")

CHECK_AGAIN_SECONDS = 0.5
HOME_DEPTH = 200


async def verify(
    url: str, ledger: Ledger, *, sample: int = 20_000, connections: int = 16, settle: float = 10.0, seed: int = 1
) -> Verdict:
    """Check the ledger against the server at `url`.

    Of each kind of fact at most `sample` are looked at, drawn at random from `seed`, and all that are in doubt. What
    is not right at once is looked at again for up to `settle` seconds, since a follower's home may be told a little
    later; the verdict says how long that took. Raises ProbeError when the server stops answering.
    """
    started = clock()
    passes = 0
    async with Pool(Target.from_url(url), size=connections) as pool:
        while True:
            passes += 1
            verdict = await _Check(Probe(pool), Truth(ledger), sample, random.Random(seed)).run()
            verdict.passes, verdict.seconds = passes, clock() - started
            if verdict.ok or verdict.seconds > settle:
                return verdict
            await asyncio.sleep(CHECK_AGAIN_SECONDS)


class _Check:
    """One pass: first what is there (which settles the doubts), then the counts and homes that follow from it."""

    def __init__(self, probe: Probe, truth: Truth, sample: int, rng: random.Random) -> None:
        self._probe = probe
        self._truth = truth
        self._ledger = truth.ledger
        self._verdict = Verdict()
        self._sample = sample
        self._rng = rng
        self._replies: dict[str, set[str]] = {}

    async def run(self) -> Verdict:
        truth, ledger = self._truth, self._ledger
        await self._each("accounts", ledger.people.values(), self._check_person, doubt=_person_in_doubt)
        await self._each("lists of posts", truth.people, self._check_posts_of, doubt=self._has_posts_in_doubt)
        await self._each("follows", ledger.follows, self._check_follows_of, doubt=self._has_follows_in_doubt)
        reactions = {(actor, post) for pairs in (ledger.likes, ledger.boosts) for actor, post, _ in each_pair(pairs)}
        await self._each("likes and boosts", sorted(reactions), self._check_reaction, doubt=self._reaction_in_doubt)
        self._check_refusals()
        self._replies = truth.replies()
        await self._each("posts", sorted(truth.present), self._check_post)
        await self._each("counts", truth.people, self._check_counts)
        await self._each("homes", truth.people, self._check_home)
        return self._verdict

    async def _each(
        self,
        kind: str,
        items: Iterable[T],
        work: Callable[[T], Awaitable[None]],
        *,
        doubt: Callable[[T], bool] = lambda _: False,
    ) -> None:
        """Do `work` for all items, or for a sample of them and all that are in doubt."""
        chosen = list(items)
        if len(chosen) > self._sample:
            doubtful = [item for item in chosen if doubt(item)]
            certain = [item for item in chosen if not doubt(item)]
            chosen = doubtful + self._rng.sample(certain, min(self._sample, len(certain)))
        self._verdict.checked[kind] = len(chosen)
        await self._probe.pool.each(chosen, work)

    # What is there

    async def _check_person(self, person: PersonFact) -> None:
        found = await (self._probe.credentials(person.token) if person.token else self._probe.lookup(person.name))
        if found is None:
            if person.state is State.ON:
                self._verdict.miss("acknowledged account is not there", person.name)
            self._truth.people.pop(person.id, None)
            return
        self._verdict.equal("account", person.name, person.name, found.username)
        if person.id:
            self._verdict.equal("account behind a token", person.name, person.id, found.id)
        elif person.token:
            self._truth.settle_person(person, found.id)

    async def _check_posts_of(self, account: str) -> None:
        """The account's own list holds each post once, and none that is gone or was never sent."""
        verdict, by_key = self._verdict, dict[str, list[StatusView]]()
        token = self._truth.people[account].token
        async for page in self._probe.pages(f"/api/v1/accounts/{account}/statuses?limit=40", token):
            for status in page:
                if status.reblog is None:
                    by_key.setdefault(status.key, []).append(status)
        for post in self._truth.by_author.get(account, []):
            copies = by_key.pop(post.key, [])
            if len(copies) > 1:
                verdict.miss("post is there more than once", f"{post.key}: {[copy.id for copy in copies]}")
            if post.state is State.UNKNOWN and copies:
                self._truth.settle_post(post, copies[0].id)
            elif post.state is State.ON and not copies:
                verdict.miss("acknowledged post is not in its author's list", f"{post.key} = {post.id}")
            elif post.state is State.ON:
                verdict.equal("id of a post", post.key, post.id, copies[0].id)
            elif post.state is State.OFF and copies:
                verdict.miss("deleted post is in its author's list", f"{post.key} = {post.id}")
        for key, copies in by_key.items():
            verdict.miss("post that nobody sent", f"{copies[0].id} ({key}) by account {account}")

    async def _check_follows_of(self, source: str) -> None:
        facts = self._ledger.follows[source]
        if source not in self._truth.people:
            return
        following = await self._probe.relationships(self._truth.people[source].token, list(facts))
        for target, fact in facts.items():
            self._hold(f"follow of {target} by {source}", fact, following.get(target, False))
            if fact.state is State.UNKNOWN and following.get(target):
                self._truth.settle_follow(source, target)

    async def _check_reaction(self, pair: tuple[str, str]) -> None:
        actor, post = pair
        if post not in self._truth.present or actor not in self._truth.people:
            return
        status = await self._probe.status(post, self._truth.people[actor].token)
        if status is None:
            return  # an acknowledged post that is missing is a miss of its own
        like = self._ledger.likes.get(actor, {}).get(post)
        if like is not None:
            self._hold(f"like of {post} by {actor}", like, status.favourited)
            if like.state is State.UNKNOWN and status.favourited:
                self._truth.likers[post].add(actor)
        boost = self._ledger.boosts.get(actor, {}).get(post)
        if boost is not None:
            self._hold(f"boost of {post} by {actor}", boost, status.reblogged)
            if boost.state is State.UNKNOWN and status.reblogged:
                self._truth.settle_boost(actor, post)

    def _hold(self, subject: str, fact: Fact, found: bool) -> None:
        if fact.state is State.ON and not found:
            self._verdict.miss("acknowledged, but not there", subject)
        elif fact.state is State.OFF and found:
            self._verdict.miss("taken back, but still there", subject)

    def _check_refusals(self) -> None:
        for refusal in self._ledger.refusals:
            if refusal.post in self._truth.present:
                self._verdict.miss("refused as gone, but there", f"{refusal.act} of {refusal.post} by {refusal.actor}")

    # What follows from it

    async def _check_post(self, post_id: str) -> None:
        truth, verdict = self._truth, self._verdict
        post, status = truth.posts[post_id], await self._probe.status(post_id, "")
        if status is None:
            verdict.miss("acknowledged post is not there", post_id)
            return
        replies = self._replies.get(post_id, set())
        verdict.equal("author", post_id, post.author, status.account.id)
        verdict.equal("favourites_count", post_id, len(truth.likers.get(post_id, ())), status.favourites_count)
        verdict.equal("reblogs_count", post_id, len(truth.boosters.get(post_id, ())), status.reblogs_count)
        verdict.equal("replies_count", post_id, len(replies), status.replies_count)
        verdict.equal("mentions", post_id, sorted(set(post.mentions)), sorted(who.id for who in status.mentions))
        verdict.equal("hashtags", post_id, sorted(post.tags), sorted(tag.name for tag in status.tags))
        if post.reply_to in truth.present:
            verdict.equal("parent", post_id, post.reply_to, status.in_reply_to_id)
        if replies and post.author in truth.people:
            token = truth.people[post.author].token
            below = {reply.id for reply in await self._probe.descendants(post_id, token)}
            verdict.equal("replies missing from the thread", post_id, [], sorted(replies - below))

    async def _check_counts(self, account: str) -> None:
        truth, verdict, found = self._truth, self._verdict, await self._probe.account(account)
        if found is None:
            verdict.miss("acknowledged account is not there", account)
            return
        lists = {"followers": truth.followers.get(account, set()), "following": truth.following.get(account, set())}
        verdict.equal("followers_count", account, len(lists["followers"]), found.followers_count)
        verdict.equal("following_count", account, len(lists["following"]), found.following_count)
        written = len(truth.written.get(account, ()))
        boosted = sum(post in truth.present for post in truth.boosted.get(account, ()))
        verdict.equal("statuses_count", account, written + boosted, found.statuses_count)
        for name, expected in lists.items():
            path = f"/api/v1/accounts/{account}/{name}?limit=80"
            listed = await self._probe.account_ids(path, truth.people[account].token)
            if listed is None:
                verdict.note(f"The server has no list of {name}; its count was held against the ledger alone.")
            else:
                verdict.equal(f"list of {name}", account, sorted(expected), sorted(listed))

    async def _check_home(self, viewer: str) -> None:
        """Newest first, nothing twice, nothing that is gone or of strangers, and everything that must be there."""
        truth, verdict = self._truth, self._verdict
        missing = truth.must_be_home(viewer, HOME_DEPTH)
        oldest = min(map(int, missing), default=0)
        may_author = {viewer, *truth.following.get(viewer, ())}
        last: int | None = None
        async for page in self._probe.pages("/api/v1/timelines/home?limit=40", truth.people[viewer].token):
            for status in page:
                if last is not None and int(status.id) >= last:
                    verdict.miss("home out of order", f"{status.id} after {last} for {viewer}")
                last = int(status.id)
                # A post that somebody passed on later may stand at home as that alone.
                missing.discard(status.id if status.reblog is None else status.reblog.id)
                if status.account.id not in may_author:
                    verdict.miss("post of a stranger at home", f"{status.id} for {viewer}")
                if status.reblog is None and status.id not in truth.present:
                    verdict.miss("post at home that is gone", f"{status.id} for {viewer}")
            if not missing or (last is not None and last < oldest):
                break
        if missing:
            verdict.miss("home lacks posts", f"{len(missing)} for {viewer}, such as {max(missing)}")

    # What is in doubt

    def _has_posts_in_doubt(self, account: str) -> bool:
        return any(post.state is State.UNKNOWN for post in self._truth.by_author.get(account, ()))

    def _has_follows_in_doubt(self, source: str) -> bool:
        return any(fact.state is State.UNKNOWN for fact in self._ledger.follows[source].values())

    def _reaction_in_doubt(self, pair: tuple[str, str]) -> bool:
        actor, post = pair
        facts = (pairs.get(actor, {}).get(post) for pairs in (self._ledger.likes, self._ledger.boosts))
        return any(fact is not None and fact.state is State.UNKNOWN for fact in facts)


def _person_in_doubt(person: PersonFact) -> bool:
    return person.state is State.UNKNOWN or not person.id
