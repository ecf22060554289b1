"""Whether somebody wants to be told of something at all: blocks, mutes, the rules that they have set, and what they
have put away.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, DIRECT
from ripstop.domain.follows.model import BLOCKED_BY, BLOCKS, FOLLOWS, MUTES, MUTES_NOTIFICATIONS
from ripstop.domain.notifications.model import (
    ACCEPT,
    ADMITS,
    DROP,
    EDIT,
    FLOOR,
    MENTION,
    NEW_ACCOUNT,
    NEW_REPORT,
    QUOTE,
    QUOTED_EDIT,
    RULES,
    VERDICTS,
    Notice,
    Rules,
    read_rules,
)
from ripstop.domain.posts.model import POST
from ripstop.domain.posts.threads import is_muted
from ripstop.engines import base
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Graph, TypeSet, Write

STANDING = (BLOCKS, BLOCKED_BY, MUTES)
"""How somebody stands to who did something to them, as far as it says whether they are told."""

OWN_RULES = TypeSet(ADMITS)

NEW_MS = 30 * 86_400_000
"""For so long an account is new."""

EXEMPT = EDIT | QUOTED_EDIT | NEW_ACCOUNT | NEW_REPORT
"""Kinds that no rule holds back: they follow from what the account did itself, or concern it as one of the staff."""


class _Own(NamedTuple):
    """What an account has said of all that it is told."""

    rules: Rules
    floor: int


async def rules_of(graph: Graph, account: int) -> Rules:
    """The rules of an account. From the cache, or with one engine call."""
    return (await _own(graph, account)).rules


async def floor_of(graph: Graph, account: int) -> int:
    """The id up to which nothing is shown any more, 0 if there is none. From the cache, or with one engine call."""
    return (await _own(graph, account)).floor


async def _own(graph: Graph, account: int) -> _Own:
    known: _Own | None = graph.recall(account, OWN_RULES)
    if known is not None:
        return known
    return await graph.remember(account, OWN_RULES, _look(graph, account), size=lambda _: 200)


async def _look(graph: Graph, account: int) -> _Own:
    rows = {row.target: row for row in await graph.find(account, (ADMITS,), (RULES, FLOOR))}
    rules, floor = rows.get(RULES), rows.get(FLOOR)
    return _Own(
        read_rules(rules.data) if rules is not None and rules.data else Rules(), 0 if floor is None else floor.order
    )


async def change_rules(graph: Graph, account: int, changes: dict[str, str]) -> Rules:
    """Set these rules, by the fields of `Rules`; the last one to do so counts. At most one engine call, and a commit.

    :raises Invalid: a verdict is none.
    """
    if any(verdict not in VERDICTS for verdict in changes.values()):
        raise Invalid(f"Validation failed: A policy is one of {', '.join(VERDICTS)}")
    rules = msgspec.structs.replace(await rules_of(graph, account), **changes)
    if changes:
        write = graph.write(account)
        write.put(ADMITS, account, RULES, order=0, data=rules)
        await graph.commit(write)
    return rules


async def is_unwanted(graph: Graph, account: int, notice: Notice, standing: Mapping[int, base.Association]) -> bool:
    """Whether one of them blocks the other, or the account mutes the actor's notifications or the thread.

    :param standing: what leads from the account to the actor, by type.
    """
    if BLOCKS.number in standing or BLOCKED_BY.number in standing:
        return True
    mute = standing.get(MUTES.number)
    if mute is not None and mute.flags & MUTES_NOTIFICATIONS:
        return True
    return notice.post is not None and await is_muted(graph, account, notice.post)


def check_standing(write: Write, account: int, actor: int, standing: Collection[int]) -> None:
    """Have a batch refused if they do not stand to each other as they were found to."""
    for association in STANDING:
        write.check_association(association, account, actor, present=association.number in standing)


async def judge(graph: Graph, account: int, rules: Rules, kind: int, notice: Notice) -> str:
    """What the rules want to be done about a notification. Each rule is looked into only if it may change that."""
    if kind & EXEMPT:
        return ACCEPT
    worst = ACCEPT
    for rule, asks in _QUESTIONS:
        verdict = getattr(rules, rule)
        if verdict != ACCEPT and verdict != worst and await asks(graph, account, kind, notice):
            worst = verdict
            if worst == DROP:
                break
    return worst


async def _follows_not(graph: Graph, follower: int, followed: int) -> bool:
    return not await graph.find(follower, (FOLLOWS,), (followed,))


async def _is_not_followed(graph: Graph, account: int, kind: int, notice: Notice) -> bool:
    return await _follows_not(graph, account, notice.actor)


async def _is_no_follower(graph: Graph, account: int, kind: int, notice: Notice) -> bool:
    return await _follows_not(graph, notice.actor, account)


async def _is_new(graph: Graph, account: int, kind: int, notice: Notice) -> bool:
    entry = await graph.get(ACCOUNT, notice.actor)
    return entry is not None and graph.now_ms() - entry.value.created_at < NEW_MS


async def _is_limited(graph: Graph, account: int, kind: int, notice: Notice) -> bool:
    entry = await graph.get(ACCOUNT, notice.actor)
    return entry is not None and entry.value.limited_at is not None and await _follows_not(graph, account, notice.actor)


async def _is_bot(graph: Graph, account: int, kind: int, notice: Notice) -> bool:
    entry = await graph.get(ACCOUNT, notice.actor)
    return entry is not None and entry.value.bot


async def _is_unasked(graph: Graph, account: int, kind: int, notice: Notice) -> bool:
    """Whether it is a direct post of somebody whom the account neither follows nor wrote to in private."""
    if not kind & (MENTION | QUOTE) or notice.post is None:
        return False
    post = await graph.get(POST, notice.post)
    if post is None or post.value.visibility != DIRECT:
        return False
    before = {id_ for id_ in (post.value.in_reply_to, post.value.root) if id_ is not None}
    for answered in (await graph.get_many(POST, before)).values() if before else ():
        if answered.value.author == account and answered.value.visibility == DIRECT:
            return False
    return await _follows_not(graph, account, notice.actor)


_QUESTIONS = (
    ("not_following", _is_not_followed),
    ("not_followers", _is_no_follower),
    ("new_accounts", _is_new),
    ("private_mentions", _is_unasked),
    ("bots", _is_bot),
    ("limited_accounts", _is_limited),
)
"""Each rule of `Rules`, and what it asks of a notification."""
