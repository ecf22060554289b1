"""Making and changing filters. Each action is one commit, which drops what was kept of the viewer's filters."""

from collections.abc import Callable, Collection

import msgspec

from ripstop.domain.viewing.events import FiltersChanged
from ripstop.domain.viewing.filters import MOST_FILTERS, held_filters
from ripstop.domain.viewing.model import ACTIONS, CONTEXTS, FILTER, HOLDS_FILTER, Filter, FilteredPost, Held, Keyword
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.kernel.ids import shard_of
from ripstop.machinery.graph import Entry, Graph, Refused

MAX_TITLE = 256
MAX_KEYWORD = 256
MOST_KEYWORDS = 200
"""Keywords of one filter."""
MOST_POSTS = 200
"""Posts of one filter."""
_ROUNDS = 3
"""Times a change begins anew when somebody changed the same filter between its read and its commit."""

Change = Callable[[Filter], Filter]


async def create_filter(graph: Graph, wanted: Filter) -> Entry[Filter]:
    """Make a filter. At most two engine calls, and a commit.

    :raises Invalid: with what is wrong, or there are too many.
    """
    _check(wanted)
    if len(await held_filters(graph, wanted.owner)) >= MOST_FILTERS:
        raise Invalid("Validation failed: You have reached the maximum number of filters")
    write = graph.write(wanted.owner)
    id_ = write.new_id()
    write.create(FILTER, id_, wanted)
    write.put(HOLDS_FILTER, wanted.owner, id_, order=id_, data=Held(1))
    write.emit(FiltersChanged(account=wanted.owner))
    await graph.commit(write)
    return Entry(FILTER.number, id_, 1, wanted)


async def access_filter(graph: Graph, owner: int, id_: int) -> Entry[Filter]:
    """One of somebody's own filters. At most one engine call.

    :raises NotFound: it is not there, or somebody else's.
    """
    entry = await graph.get(FILTER, id_)
    if entry is None or entry.value.owner != owner:
        raise NotFound("Record not found")
    return entry


async def access_keyword(graph: Graph, owner: int, id_: int) -> tuple[Entry[Filter], Keyword]:
    """A keyword of one of somebody's filters. At most two engine calls.

    :raises NotFound: there is none of this id.
    """
    for entry in await held_filters(graph, owner):
        for keyword in entry.value.keywords:
            if keyword.id == id_:
                return entry, keyword
    raise NotFound("Record not found")


async def access_filtered_post(graph: Graph, owner: int, id_: int) -> tuple[Entry[Filter], FilteredPost]:
    """A post that one of somebody's filters names; `id_` is not the post's own. At most two engine calls.

    :raises NotFound: there is none of this id.
    """
    for entry in await held_filters(graph, owner):
        for post in entry.value.posts:
            if post.id == id_:
                return entry, post
    raise NotFound("Record not found")


async def change_filter(graph: Graph, owner: int, id_: int, change: Change) -> Entry[Filter]:
    """Change a filter. A commit, and at most one engine call.

    :param change: says what it is to be, from what it is; called again if somebody else changed it meanwhile.
    :raises NotFound: it is not there, or somebody else's.
    :raises Invalid: with what is wrong.
    :raises Conflict: others kept changing it.
    """
    for _ in range(_ROUNDS):
        entry = await access_filter(graph, owner, id_)
        wanted = change(entry.value)
        _check(wanted)
        write = graph.write(id_)
        fields = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if name != "owner"}
        write.patch(FILTER, id_, version=entry.version, **fields)
        write.put(HOLDS_FILTER, owner, id_, order=id_, data=Held(entry.version + 1))
        write.emit(FiltersChanged(account=owner))
        try:
            await graph.commit(write)
        except Refused:
            await graph.sync()
            continue
        return Entry(FILTER.number, id_, entry.version + 1, wanted)
    raise Conflict("Somebody changed this at the same time")


async def filter_post(graph: Graph, owner: int, post: int, filters: Collection[int], *, also_new: str = "") -> None:
    """Have these of somebody's filters match a post by itself, and none of their others. A commit for each that
    changes, and at most four engine calls.

    :param also_new: the title of a new filter that matches it as well, everywhere; empty: none is made.
    :raises Invalid: with what is wrong, or there are too many.
    :raises Conflict: others kept changing one.
    """

    def named() -> FilteredPost:
        return FilteredPost(graph.new_id(shard_of(owner)), post)

    held = await held_filters(graph, owner)
    if also_new:
        await create_filter(graph, Filter(owner=owner, title=also_new, contexts=CONTEXTS, posts=(named(),)))
    for entry in held:
        parts = [one.id for one in entry.value.posts if one.post == post]
        if entry.id in filters and not parts:
            await change_filter(graph, owner, entry.id, with_post(named()))
        elif parts and entry.id not in filters:
            await change_filter(graph, owner, entry.id, without(parts[0]))


async def delete_filter(graph: Graph, entry: Entry[Filter]) -> None:
    """Delete a filter. One commit.

    :raises NotFound: somebody was first.
    """
    owner = entry.value.owner
    write = graph.write(entry.id)
    write.check_object(entry.id)
    write.delete(entry.id)
    write.remove(HOLDS_FILTER, owner, entry.id)
    write.emit(FiltersChanged(account=owner))
    try:
        await graph.commit(write)
    except Refused as refused:
        raise NotFound("Record not found") from refused


def with_keyword(keyword: Keyword) -> Change:
    """Add a keyword, or replace the one with its id."""

    def change(value: Filter) -> Filter:
        others = tuple(one for one in value.keywords if one.id != keyword.id)
        return msgspec.structs.replace(value, keywords=(*others, keyword))

    return change


def with_post(post: FilteredPost) -> Change:
    """Have the filter match a post; once is enough."""

    def change(value: Filter) -> Filter:
        if any(one.post == post.post for one in value.posts):
            return value
        return msgspec.structs.replace(value, posts=(*value.posts, post))

    return change


def without(part: int) -> Change:
    """Take out the keyword or the post with this id."""

    def change(value: Filter) -> Filter:
        return msgspec.structs.replace(
            value,
            keywords=tuple(one for one in value.keywords if one.id != part),
            posts=tuple(one for one in value.posts if one.id != part),
        )

    return change


def _check(wanted: Filter) -> None:
    """:raises Invalid: with the first thing that is wrong."""
    if not wanted.title:
        raise Invalid("Validation failed: Title can't be blank")
    if len(wanted.title) > MAX_TITLE:
        raise Invalid(f"Validation failed: Title is too long (maximum is {MAX_TITLE} characters)")
    if not wanted.contexts or not set(wanted.contexts) <= set(CONTEXTS):
        raise Invalid("Validation failed: Context None or invalid context supplied")
    if wanted.action not in ACTIONS:
        raise Invalid("Validation failed: Filter action is not a supported value")
    if any(not keyword.text or len(keyword.text) > MAX_KEYWORD for keyword in wanted.keywords):
        raise Invalid(f"Validation failed: Keyword must have 1 to {MAX_KEYWORD} characters")
    if len(wanted.keywords) > MOST_KEYWORDS or len(wanted.posts) > MOST_POSTS:
        raise Invalid(f"Validation failed: A filter has at most {MOST_KEYWORDS} keywords and {MOST_POSTS} posts")
