"""Lists: some of those whom somebody follows, to be read by themselves.

Whoever is in a list is followed by its owner: adding carries that as a precondition, and a function takes those out
who are followed no more. Reading asks again, so that nothing depends on when it runs.
"""

from collections.abc import Sequence

import msgspec

from ripstop.domain.follows.events import ListDeleted, MembersChanged
from ripstop.domain.follows.model import (
    EXCLUSIVE,
    FOLLOWS,
    HOLDS_LIST,
    LIST,
    LISTS_MEMBER,
    REPLIES_POLICIES,
    List,
)
from ripstop.domain.text import tidy
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused, Write

MOST_LISTS = 50
"""Lists of one account. Several that are made at once may come out a few above it."""
MOST_MEMBERS = 500
"""Accounts in one list, likewise."""
MOST_HELD = 2 * MOST_MEMBERS
"""Longest list whose members are held as a set."""
MAX_TITLE = 256

_NOBODY: frozenset[int] = frozenset()


class ListChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a list wants; what is None stays as it is, or as it is for new lists."""

    title: str | None = None
    replies_policy: str | None = None
    exclusive: bool | None = None


async def lists_of(graph: Graph, owner: int) -> list[Entry[List]]:
    """All lists of an account, the oldest first. At most two engine calls."""
    ids = await graph.members(owner, HOLDS_LIST, most=2 * MOST_LISTS) or _NOBODY
    found = await graph.get_many(LIST, ids)
    return [found[id_] for id_ in sorted(found)]


async def has_lists(graph: Graph, owner: int) -> bool:
    """Whether an account has any list. At most one engine call."""
    return await graph.members(owner, HOLDS_LIST, most=2 * MOST_LISTS) != _NOBODY


async def access_list(graph: Graph, owner: int, id_: int) -> Entry[List]:
    """One of somebody's own lists. At most one engine call.

    :raises NotFound: it is not there, or somebody else's.
    """
    entry = await graph.get(LIST, id_)
    if entry is None or entry.value.owner != owner:
        raise NotFound("Record not found")
    return entry


async def members_of(graph: Graph, list_: int) -> frozenset[int]:
    """Who is in a list. At most one engine call."""
    return await graph.members(list_, LISTS_MEMBER, most=MOST_HELD) or _NOBODY


async def exclusive_members(graph: Graph, owner: int) -> frozenset[int]:
    """Who is in any of an account's exclusive lists, and so not in its home feed.

    For those who have no such list one look into the cache; else one for each as well, and an engine call for what is
    not there.
    """
    lists = await graph.flagged(owner, HOLDS_LIST, EXCLUSIVE, most=2 * MOST_LISTS)
    if not lists:
        return _NOBODY
    return _NOBODY.union(*[await members_of(graph, list_) for list_ in lists]) - {owner}


async def lists_with(graph: Graph, owner: int, account: int) -> list[Entry[List]]:
    """Which of an account's lists another is in. At most one engine call for each list."""
    return [entry for entry in await lists_of(graph, owner) if account in await members_of(graph, entry.id)]


async def create_list(graph: Graph, owner: int, changes: ListChanges) -> Entry[List]:
    """Make a list, with nobody in it. At most one engine call, and a commit.

    :raises Invalid: it has no title, or there are too many already.
    """
    held = await graph.members(owner, HOLDS_LIST, most=2 * MOST_LISTS)
    if held is None or len(held) >= MOST_LISTS:
        raise Invalid("Validation failed: You have reached the maximum number of lists")
    value = msgspec.structs.replace(List(owner=owner, title=""), **_checked(changes, ListChanges(title="")))
    write = graph.write(owner)
    id_ = write.new_id()
    write.create(LIST, id_, value)
    _hold(write, id_, value)
    await graph.commit(write)
    return Entry(LIST.number, id_, 1, value)


async def update_list(graph: Graph, entry: Entry[List], changes: ListChanges) -> Entry[List]:
    """Change a list. One commit.

    :raises Conflict: somebody changed it, or deleted it, at the same time.
    :raises Invalid: with what is wrong.
    """
    fields = _checked(changes, ListChanges())
    value = msgspec.structs.replace(entry.value, **fields)
    write = graph.write(entry.id)
    write.patch(LIST, entry.id, version=entry.version, **fields)
    _hold(write, entry.id, value)
    try:
        await graph.commit(write)
    except Refused as refused:
        raise Conflict("Somebody changed this at the same time") from refused
    return Entry(LIST.number, entry.id, entry.version + 1, value)


def _checked(changes: ListChanges, missing: ListChanges) -> dict[str, object]:
    """What is wanted, by field."""
    wanted = {name: getattr(changes, name) for name in changes.__struct_fields__}
    wanted = {name: getattr(missing, name) if value is None else value for name, value in wanted.items()}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if "title" in wanted:
        wanted["title"] = " ".join(tidy(wanted["title"]).split())
        if not wanted["title"]:
            raise Invalid("Validation failed: Title can't be blank")
        if len(wanted["title"]) > MAX_TITLE:
            raise Invalid(f"Validation failed: Title is too long (maximum is {MAX_TITLE} characters)")
    if wanted.get("replies_policy", REPLIES_POLICIES[0]) not in REPLIES_POLICIES:
        raise Invalid("Validation failed: Replies policy is not a supported value")
    return wanted


def _hold(write: Write, id_: int, value: List) -> None:
    write.put(HOLDS_LIST, value.owner, id_, order=id_, flags=EXCLUSIVE if value.exclusive else 0)


async def delete_list(graph: Graph, entry: Entry[List]) -> None:
    """Delete a list; a function removes what stood in it. One commit.

    :raises NotFound: somebody was first.
    """
    write = graph.write(entry.id)
    write.check_object(entry.id)
    write.delete(entry.id)
    write.remove(HOLDS_LIST, entry.value.owner, entry.id)
    write.emit(ListDeleted(list=entry.id))
    try:
        await graph.commit(write)
    except Refused as refused:
        raise NotFound("Record not found") from refused


async def add_members(graph: Graph, entry: Entry[List], accounts: Sequence[int]) -> None:
    """Put accounts into a list that its owner follows, or its owner. At most two engine calls and a commit.

    :raises NotFound: somebody among them is not followed, or the list is gone.
    :raises Invalid: the list would be too long.
    """
    owner = entry.value.owner
    rows = await graph.find(owner, (FOLLOWS,), accounts)
    if not {row.target for row in rows}.issuperset(set(accounts) - {owner}):
        raise NotFound("Record not found")
    if len((await members_of(graph, entry.id)).union(accounts)) > MOST_MEMBERS:
        raise Invalid(f"Validation failed: A list cannot have more than {MOST_MEMBERS} accounts")
    write = graph.write(entry.id)
    write.check_object(entry.id)
    for account in dict.fromkeys(accounts):
        if account != owner:
            write.check_association(FOLLOWS, owner, account)
        write.put(LISTS_MEMBER, entry.id, account, order=write.new_id(), if_absent=True)
    write.emit(MembersChanged(list=entry.id))
    try:
        await graph.commit(write)
    except Refused as refused:
        raise NotFound("Record not found") from refused


async def remove_members(graph: Graph, entry: Entry[List], accounts: Sequence[int]) -> None:
    """Take accounts out of a list; who is not in it is out already. One commit."""
    write = graph.write(entry.id)
    for account in dict.fromkeys(accounts):
        write.remove(LISTS_MEMBER, entry.id, account)
    write.emit(MembersChanged(list=entry.id))
    await graph.commit(write)
