"""What the ledger holds, and what follows from it."""

from __future__ import annotations

import msgspec

from ripstop.rehearsal.ledger import Fact, Ledger, PersonFact, PostFact, State, begin, forget
from ripstop.rehearsal.truth import Truth

ALICE, BOB = "1", "2"


def post(number: int, author: str, *, sent: float, state: State = State.ON, reply_to: str = "") -> PostFact:
    return PostFact(author=author, key=f"k{number}", sent=sent, id=str(number), state=state, reply_to=reply_to)


def ledger_of(*posts: PostFact, follows: dict[str, dict[str, Fact]] | None = None) -> Ledger:
    people = [PersonFact("alice", ALICE, "a", State.ON), PersonFact("bob", BOB, "b", State.ON)]
    return Ledger(
        people={person.name: person for person in people},
        posts={each.key: each for each in posts},
        follows=follows or {},
    )


def test_a_request_under_way_is_in_doubt_until_it_is_answered() -> None:
    ledger = Ledger()
    fact = begin(ledger.follows, ALICE, BOB)
    assert ledger.counts()["in_doubt"] == 1
    fact.state = State.ON
    assert ledger.counts()["follows"] == 1
    assert begin(ledger.follows, ALICE, BOB) is fact
    assert ledger.counts()["in_doubt"] == 1
    fact.state = State.OFF
    assert ledger.counts() == {"follows": 0, "likes": 0, "boosts": 0, "people": 0, "posts": 0, "taken_back": 1,
                               "in_doubt": 0}  # fmt: skip


def test_what_had_no_effect_is_forgotten() -> None:
    ledger = Ledger()
    begin(ledger.likes, ALICE, "9")
    forget(ledger.likes, ALICE, "9")
    assert ledger.counts()["in_doubt"] == 0


def test_ledgers_of_two_processes_merge_and_travel() -> None:
    one, two = ledger_of(post(10, ALICE, sent=1.0)), ledger_of(post(11, BOB, sent=1.0))
    one.follows = {ALICE: {BOB: Fact(State.ON, 1.0)}}
    two.follows = {ALICE: {"3": Fact(State.OFF, 2.0)}, BOB: {ALICE: Fact()}}
    one.merge(msgspec.msgpack.decode(msgspec.msgpack.encode(two), type=Ledger))
    assert set(one.posts) == {"k10", "k11"}
    assert set(one.follows[ALICE]) == {BOB, "3"}
    assert one.follows[BOB][ALICE].state is State.UNKNOWN


def test_two_ledgers_share_no_tables() -> None:
    one, two = Ledger(), Ledger()
    begin(one.follows, ALICE, BOB)
    assert not two.follows


def test_a_home_must_hold_what_was_sent_after_the_follow_was_acknowledged() -> None:
    follows = {ALICE: {BOB: Fact(State.ON, 5.0)}}
    early, late = post(10, BOB, sent=4.9), post(11, BOB, sent=5.1)
    gone = post(12, BOB, sent=6.0, state=State.OFF)
    reply = post(13, BOB, sent=6.0, reply_to="99")
    own = post(14, ALICE, sent=0.0)
    truth = Truth(ledger_of(early, late, gone, reply, own, follows=follows))
    assert truth.must_be_home(ALICE, 10) == {"11", "14"}
    assert truth.must_be_home(ALICE, 1) == {"14"}
    assert truth.must_be_home(BOB, 10) == {"10", "11"}


def test_a_home_need_not_hold_posts_after_a_doubtful_or_undone_follow() -> None:
    for state in (State.UNKNOWN, State.OFF):
        truth = Truth(ledger_of(post(11, BOB, sent=9.0), follows={ALICE: {BOB: Fact(state, 5.0)}}))
        assert truth.must_be_home(ALICE, 10) == set()


def test_doubts_settled_by_the_server_count() -> None:
    doubtful = PostFact(author=BOB, key="k20", sent=1.0, reply_to="10")
    truth = Truth(ledger_of(post(10, ALICE, sent=1.0), doubtful, follows={ALICE: {BOB: Fact()}}))
    assert truth.replies() == {}
    assert truth.followers[BOB] == set()
    truth.settle_post(doubtful, "20")
    truth.settle_follow(ALICE, BOB)
    assert truth.replies() == {"10": {"20"}}
    assert truth.written[BOB] == {"20"}
    assert truth.followers[BOB] == {ALICE}
    assert truth.must_be_home(ALICE, 10) == {"10"}
