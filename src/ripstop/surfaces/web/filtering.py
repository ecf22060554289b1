"""Filters: words and posts that somebody does not want to meet, or not unwarned."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import msgspec

from ripstop.domain.text import tidy
from ripstop.domain.viewing import access_original
from ripstop.domain.viewing.actions import access_filter, change_filter, create_filter, delete_filter
from ripstop.domain.viewing.filters import held_filters
from ripstop.domain.viewing.hydrate import Seen
from ripstop.domain.viewing.model import (
    ACCOUNT,
    BLUR,
    HIDE,
    HOME,
    NOTIFICATIONS,
    PUBLIC,
    THREAD,
    WARN,
    Filter,
    Keyword,
)
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.kernel.ids import shard_of
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.cards import in_words, show
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences

FILTERS = "/settings/filters"
PLACES = {
    HOME: "at home and in lists",
    NOTIFICATIONS: "in notifications",
    PUBLIC: "where everybody is",
    THREAD: "in conversations",
    ACCOUNT: "on profiles",
}
"""Where a filter applies, in words."""
ACTIONS = {
    WARN: "behind a warning that names the filter",
    BLUR: "with its pictures covered",
    HIDE: "not at all",
}
"""How what a filter matches is shown, in words."""
STAYS, NEVER = "", "never"
ENDS = {
    NEVER: "when I delete it",
    "1800": "in half an hour",
    "3600": "in an hour",
    "43200": "in twelve hours",
    "86400": "in a day",
    "604800": "in a week",
}
"""When a filter ends, in words; by the seconds from now on."""
SPARE = 3
"""Empty lines for more keywords."""
MOST_LINES = 210
"""Lines that a form may have: as many keywords as a filter may have, and some."""

Words = Annotated[list[str], msgspec.Meta(max_length=MOST_LINES)]
Numbers = Annotated[list[int], msgspec.Meta(max_length=MOST_LINES)]


class FilterParams(msgspec.Struct, kw_only=True):
    """A filter as its owner wants it. `whole` has the places of those keywords that are whole words; `drop` posts that
    it shall not match any more by themselves. A browser sends only set ticks."""

    id: int = 0
    title: str = ""
    contexts: Words = []
    action: str = WARN
    ends: str = STAYS
    keywords: Words = []
    whole: Numbers = []
    drop: Annotated[list[Id], msgspec.Meta(max_length=MOST_LINES)] = []
    proof: str = ""


class DeleteParams(msgspec.Struct, kw_only=True):
    """The button that deletes a filter."""

    id: int
    proof: str = ""


class Line(NamedTuple):
    """A keyword in the form."""

    text: str
    whole: bool


class Filtering:
    """Handlers of filters. All of it is for their owner alone."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        own, act, one = self._shell.own, self._shell.act, FILTERS + "/{id}"
        return [
            Route("GET", FILTERS, own(self.several)),
            Route("GET", FILTERS + "/new", own(self.begin)),
            Route("POST", FILTERS + "/new", act(self.create), params=FilterParams),
            Route("GET", one, own(self.one)),
            Route("POST", one, act(self.change), params=FilterParams),
            Route("POST", one + "/delete", act(self.delete), params=DeleteParams),
        ]

    async def several(self, request: Request, params: None, reader: Reader) -> Answer:
        """All filters. At most two engine calls."""
        now_ms = self._graph.now_ms()
        held = [(entry, _brief(entry.value, now_ms)) for entry in await held_filters(self._graph, reader.id)]
        return Shown("filters.html", {"filters": held})

    async def begin(self, request: Request, params: None, reader: Reader) -> Answer:
        """The form of a new one."""
        return _form(FilterParams(contexts=[HOME, PUBLIC], ends=NEVER), [])

    async def create(self, request: Request, params: FilterParams, reader: Reader) -> Answer:
        """At most two engine calls and a commit."""
        try:
            wanted = self._wanted(reader.id, params)(Filter(owner=reader.id, title="", contexts=()))
            await create_filter(self._graph, wanted)
        except Invalid as error:
            return _form(params, _lines(params), error)
        return lead(request.origin + FILTERS)

    async def one(self, request: Request, params: None, reader: Reader) -> Answer:
        """The form with what a filter says, and the posts that it matches by themselves. At most fifteen engine
        calls."""
        return await self._page(reader, await access_filter(self._graph, reader.id, int(request.args["id"])))

    async def change(self, request: Request, params: FilterParams, reader: Reader) -> Answer:
        """At most one engine call and a commit."""
        try:
            await change_filter(self._graph, reader.id, params.id, self._wanted(reader.id, params))
        except (Invalid, Conflict) as error:
            return _form(params, _lines(params), error)
        return lead(request.origin + FILTERS)

    async def delete(self, request: Request, params: DeleteParams, reader: Reader) -> Answer:
        """At most one engine call and a commit."""
        await delete_filter(self._graph, await access_filter(self._graph, reader.id, params.id))
        return lead(request.origin + FILTERS)

    async def _page(self, reader: Reader, entry: Entry[Filter]) -> Shown:
        value = entry.value
        form = FilterParams(id=entry.id, title=value.title, contexts=list(value.contexts), action=value.action)
        seen = []
        for one in value.posts:
            try:
                seen.append(Seen(await access_original(self._graph, reader.id, one.post), None))
            except NotFound:
                continue
        posts = await show(self._graph, seen, reader.id)
        lines = [Line(keyword.text, keyword.whole_word) for keyword in value.keywords]
        until = "" if value.expires_at is None else in_words(value.expires_at)
        return _form(form, lines, posts=posts, until=until)

    def _wanted(self, owner: int, params: FilterParams) -> Callable[[Filter], Filter]:
        now_ms = self._graph.now_ms()

        def change(value: Filter) -> Filter:
            known = {keyword.text: keyword.id for keyword in value.keywords}
            words = {line.text: line for line in _lines(params)}
            keywords = [
                Keyword(known.get(text) or self._graph.new_id(shard_of(owner)), text, line.whole)
                for text, line in words.items()
            ]
            return msgspec.structs.replace(
                value,
                title=tidy(params.title),
                contexts=tuple(dict.fromkeys(params.contexts)),
                action=params.action,
                expires_at=_expiry(params.ends, value.expires_at, now_ms),
                keywords=tuple(keywords),
                posts=tuple(one for one in value.posts if one.post not in params.drop),
            )

        return change


def _lines(params: FilterParams) -> list[Line]:
    """The keywords of a form; empty lines are none."""
    found = [Line(tidy(text), place in params.whole) for place, text in enumerate(params.keywords)]
    return [line for line in found if line.text]


def _expiry(ends: str, before: int | None, now_ms: int) -> int | None:
    """The instant at which a filter ends.

    :raises Invalid: the form offers no such end.
    """
    if ends == STAYS:
        return before
    if ends not in ENDS:
        raise Invalid("Validation failed: The end is not a supported value")
    return None if ends == NEVER else now_ms + 1_000 * int(ends)


def _brief(value: Filter, now_ms: int) -> str:
    """What a filter does, in a sentence."""
    places = ", ".join(words for context, words in PLACES.items() if context in value.contexts)
    matches = ", ".join(f"“{keyword.text}”" for keyword in value.keywords[:5])
    if len(value.keywords) > 5:
        matches += f" and {len(value.keywords) - 5} more"
    if value.posts:
        matches += (", " if matches else "") + ("one post" if len(value.posts) == 1 else f"{len(value.posts)} posts")
    sentence = f"Shows {matches or 'nothing yet'} {ACTIONS[value.action]}, {places}."
    if value.expires_at is not None:
        over = value.expires_at <= now_ms
        sentence += f" {'Ended' if over else 'Ends'} {in_words(value.expires_at)}."
    return sentence


def _form(form: FilterParams, lines: list[Line], error: Invalid | Conflict | None = None, **more: Any) -> Shown:
    context = {
        "form": form,
        "lines": [*lines, *[Line("", True)] * SPARE],
        "places": PLACES,
        "actions": ACTIONS,
        "ends": ENDS if not form.id else {STAYS: "as it is", **ENDS},
        "posts": [],
        "until": "",
        "problems": [] if error is None else sentences([error.sentence]),
        **more,
    }
    return Shown("filter.html", context, 200 if error is None else error.status)
