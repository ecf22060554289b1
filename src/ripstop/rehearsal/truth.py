"""What must be on the server: the ledger, with what was in doubt settled by the server's own answers."""

from __future__ import annotations

import math
from collections import defaultdict

from ripstop.rehearsal.ledger import Ledger, PersonFact, PostFact, State, each_pair


class Truth:
    """Indexes over a ledger. Facts in doubt are absent until one of the `settle_*` methods says that they hold."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.people: dict[str, PersonFact] = {}
        self.posts: dict[str, PostFact] = {}
        self.present: set[str] = set()
        self.written: dict[str, set[str]] = defaultdict(set)
        self.by_author: dict[str, list[PostFact]] = defaultdict(list)
        self.following: dict[str, set[str]] = defaultdict(set)
        self.followers: dict[str, set[str]] = defaultdict(set)
        self.likers: dict[str, set[str]] = defaultdict(set)
        self.boosters: dict[str, set[str]] = defaultdict(set)
        self.boosted: dict[str, set[str]] = defaultdict(set)
        for person in ledger.people.values():
            if person.id and person.token:
                self.people[person.id] = person
        for post in ledger.posts.values():
            self.by_author[post.author].append(post)
            if post.id:
                self.posts[post.id] = post
                if post.state is State.ON:
                    self.settle_post(post, post.id)
        for source, target, fact in each_pair(ledger.follows):
            if fact.state is State.ON:
                self.settle_follow(source, target)
        for actor, status, fact in each_pair(ledger.likes):
            if fact.state is State.ON:
                self.likers[status].add(actor)
        for actor, status, fact in each_pair(ledger.boosts):
            if fact.state is State.ON:
                self.settle_boost(actor, status)

    def settle_person(self, person: PersonFact, account_id: str) -> None:
        """The account behind a token whose id was never told."""
        self.people[account_id] = person

    def settle_post(self, post: PostFact, status_id: str) -> None:
        self.posts[status_id] = post
        self.present.add(status_id)
        self.written[post.author].add(status_id)

    def settle_follow(self, source: str, target: str) -> None:
        self.following[source].add(target)
        self.followers[target].add(source)

    def settle_boost(self, actor: str, status: str) -> None:
        self.boosters[status].add(actor)
        self.boosted[actor].add(status)

    def replies(self) -> dict[str, set[str]]:
        """The replies that are there, by the post that they answer."""
        found: dict[str, set[str]] = defaultdict(set)
        for status_id in self.present:
            parent = self.posts[status_id].reply_to
            if parent:
                found[parent].add(status_id)
        return found

    def must_be_home(self, viewer: str, newest: int) -> set[str]:
        """The newest posts that a home holds for certain: the viewer's own, and those first sent after the follow of
        their author was acknowledged. Replies may be left out of a home, so they are never among them."""
        facts = self.ledger.follows.get(viewer, {})
        held: list[int] = [int(id_) for id_ in self._originals(viewer, -math.inf)]
        for author in self.following[viewer]:
            fact = facts[author]
            if fact.state is State.ON:
                held += [int(id_) for id_ in self._originals(author, fact.since)]
        return {str(id_) for id_ in sorted(held, reverse=True)[:newest]}

    def _originals(self, author: str, since: float) -> list[str]:
        return [
            post.id
            for post in self.by_author[author]
            if post.id in self.present and post.sent > since and not post.reply_to
        ]
