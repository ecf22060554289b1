"""Filters, in both versions of the API.

Version 1 knows keywords alone: each keyword of a filter is a filter there, and those that it makes have one keyword.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ripstop.domain.text import tidy
from ripstop.domain.viewing import access_post
from ripstop.domain.viewing.actions import (
    access_filter,
    access_filtered_post,
    access_keyword,
    change_filter,
    create_filter,
    delete_filter,
    with_keyword,
    with_post,
    without,
)
from ripstop.domain.viewing.filters import held_filters
from ripstop.domain.viewing.model import HIDE, WARN, Filter, FilteredPost, Keyword
from ripstop.kernel.errors import Invalid
from ripstop.kernel.ids import shard_of
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Handler, Route
from ripstop.surfaces.mastodon.present.filter import filter_fields, keyword_fields, old_filter_fields, post_fields

READ, WRITE = "read:filters", "write:filters"
MOST_SECONDS = 10 * 365 * 86_400
"""Longest time after which a filter ends by itself."""


class FilterParams(msgspec.Struct, kw_only=True):
    """A filter as its owner wants it; what is absent stays. An `expires_in` of nothing means that it does not end."""

    title: str | None = None
    context: list[str] | None = None
    filter_action: str | None = None
    expires_in: Any = msgspec.UNSET
    keywords_attributes: Any = None


class KeywordChange(msgspec.Struct, kw_only=True):
    """A keyword to be added, or with `id` to be changed or removed."""

    id: int | None = None
    keyword: str | None = None
    whole_word: bool | None = None
    destroy: bool = msgspec.field(name="_destroy", default=False)


class KeywordParams(msgspec.Struct, kw_only=True):
    """A keyword; what is absent stays."""

    keyword: str | None = None
    whole_word: bool | None = None


class PostParams(msgspec.Struct, kw_only=True):
    """A post to be filtered."""

    status_id: Id


class OldFilterParams(msgspec.Struct, kw_only=True):
    """A filter of version 1; what is absent stays."""

    phrase: str | None = None
    context: list[str] | None = None
    irreversible: bool | None = None
    whole_word: bool | None = None
    expires_in: Any = msgspec.UNSET


def _route(method: str, path: str, handler: Handler, params: type[msgspec.Struct] | None = None) -> Route:
    return Route(method, path, handler, scope=READ if method == "GET" else WRITE, auth=Auth.USER, params=params)


class Filters:
    """Handlers of version 2. Reads make at most two engine calls, writes one commit more."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def routes(self) -> list[Route]:
        base = "/api/v2/filters"
        one, keyword, post = base + "/{id}", base + "/keywords/{id}", base + "/statuses/{id}"
        return [
            _route("GET", base, self.several),
            _route("POST", base, self.create, FilterParams),
            _route("GET", one, self.one),
            _route("PUT", one, self.update, FilterParams),
            _route("DELETE", one, self.delete),
            _route("GET", one + "/keywords", self.keywords),
            _route("POST", one + "/keywords", self.add_keyword, KeywordParams),
            _route("GET", keyword, self.keyword),
            _route("PUT", keyword, self.update_keyword, KeywordParams),
            _route("DELETE", keyword, self.remove_keyword),
            _route("GET", one + "/statuses", self.posts),
            _route("POST", one + "/statuses", self.add_post, PostParams),
            _route("GET", post, self.post),
            _route("DELETE", post, self.remove_post),
        ]

    async def several(self, request: Request, params: None) -> Response:
        return json([filter_fields(entry) for entry in await held_filters(self._graph, request.account)])

    async def create(self, request: Request, params: FilterParams) -> Response:
        empty_filter = Filter(owner=request.account, title="", contexts=())
        return json(filter_fields(await create_filter(self._graph, self._wanted(request, params)(empty_filter))))

    async def one(self, request: Request, params: None) -> Response:
        return json(filter_fields(await self._named(request)))

    async def update(self, request: Request, params: FilterParams) -> Response:
        change = self._wanted(request, params)
        return json(filter_fields(await change_filter(self._graph, request.account, int(request.args["id"]), change)))

    async def delete(self, request: Request, params: None) -> Response:
        await delete_filter(self._graph, await self._named(request))
        return empty()

    async def keywords(self, request: Request, params: None) -> Response:
        return json([keyword_fields(keyword) for keyword in (await self._named(request)).value.keywords])

    async def add_keyword(self, request: Request, params: KeywordParams) -> Response:
        keyword = Keyword(self._new_id(request), tidy(params.keyword or ""), params.whole_word is not False)
        await change_filter(self._graph, request.account, int(request.args["id"]), with_keyword(keyword))
        return json(keyword_fields(keyword))

    async def keyword(self, request: Request, params: None) -> Response:
        _, keyword = await access_keyword(self._graph, request.account, int(request.args["id"]))
        return json(keyword_fields(keyword))

    async def update_keyword(self, request: Request, params: KeywordParams) -> Response:
        entry, keyword = await access_keyword(self._graph, request.account, int(request.args["id"]))
        changed = _changed(keyword, params.keyword, params.whole_word)
        await change_filter(self._graph, request.account, entry.id, with_keyword(changed))
        return json(keyword_fields(changed))

    async def remove_keyword(self, request: Request, params: None) -> Response:
        entry, keyword = await access_keyword(self._graph, request.account, int(request.args["id"]))
        await change_filter(self._graph, request.account, entry.id, without(keyword.id))
        return empty()

    async def posts(self, request: Request, params: None) -> Response:
        return json([post_fields(post) for post in (await self._named(request)).value.posts])

    async def add_post(self, request: Request, params: PostParams) -> Response:
        """At most four engine calls more, to see that the viewer may see the post."""
        seen = await access_post(self._graph, request.account, params.status_id)
        post = FilteredPost(self._new_id(request), seen.post.id)
        entry = await change_filter(self._graph, request.account, int(request.args["id"]), with_post(post))
        return json(next(post_fields(one) for one in entry.value.posts if one.post == post.post))

    async def post(self, request: Request, params: None) -> Response:
        _, post = await access_filtered_post(self._graph, request.account, int(request.args["id"]))
        return json(post_fields(post))

    async def remove_post(self, request: Request, params: None) -> Response:
        entry, post = await access_filtered_post(self._graph, request.account, int(request.args["id"]))
        await change_filter(self._graph, request.account, entry.id, without(post.id))
        return empty()

    async def _named(self, request: Request) -> Entry[Filter]:
        return await access_filter(self._graph, request.account, int(request.args["id"]))

    def _new_id(self, request: Request) -> int:
        return self._graph.new_id(shard_of(request.account))

    def _wanted(self, request: Request, params: FilterParams) -> Callable[[Filter], Filter]:
        changes = _keyword_changes(params.keywords_attributes)
        expires_at = _expiry(params.expires_in, self._graph.now_ms())

        def change(value: Filter) -> Filter:
            keywords = {keyword.id: keyword for keyword in value.keywords}
            for one in changes:
                if one.destroy:
                    keywords.pop(one.id or 0, None)
                elif one.id in keywords:
                    keywords[one.id] = _changed(keywords[one.id], one.keyword, one.whole_word)
                else:
                    id_ = self._new_id(request)
                    keywords[id_] = Keyword(id_, tidy(one.keyword or ""), one.whole_word is not False)
            return msgspec.structs.replace(
                value,
                title=value.title if params.title is None else tidy(params.title),
                contexts=value.contexts if params.context is None else tuple(dict.fromkeys(params.context)),
                action=params.filter_action or value.action,
                expires_at=value.expires_at if expires_at is msgspec.UNSET else expires_at,
                keywords=tuple(keywords.values()),
            )

        return change


class OldFilters:
    """Handlers of version 1."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def routes(self) -> list[Route]:
        base, one = "/api/v1/filters", "/api/v1/filters/{id}"
        return [
            _route("GET", base, self.several),
            _route("POST", base, self.create, OldFilterParams),
            _route("GET", one, self.one),
            _route("PUT", one, self.update, OldFilterParams),
            _route("DELETE", one, self.delete),
        ]

    async def several(self, request: Request, params: None) -> Response:
        held = await held_filters(self._graph, request.account)
        return json([old_filter_fields(entry.value, keyword) for entry in held for keyword in entry.value.keywords])

    async def create(self, request: Request, params: OldFilterParams) -> Response:
        keyword = Keyword(self._graph.new_id(shard_of(request.account)), "")
        value = Filter(owner=request.account, title="", contexts=(), keywords=(keyword,))
        made = await create_filter(self._graph, self._wanted(params, keyword.id)(value))
        return json(old_filter_fields(made.value, made.value.keywords[0]))

    async def one(self, request: Request, params: None) -> Response:
        entry, keyword = await access_keyword(self._graph, request.account, int(request.args["id"]))
        return json(old_filter_fields(entry.value, keyword))

    async def update(self, request: Request, params: OldFilterParams) -> Response:
        entry, keyword = await access_keyword(self._graph, request.account, int(request.args["id"]))
        change = self._wanted(params, keyword.id)
        changed = await change_filter(self._graph, request.account, entry.id, change)
        return json(
            next(old_filter_fields(changed.value, one) for one in changed.value.keywords if one.id == keyword.id)
        )

    async def delete(self, request: Request, params: None) -> Response:
        """Remove the keyword, and the filter with its last one."""
        entry, keyword = await access_keyword(self._graph, request.account, int(request.args["id"]))
        if len(entry.value.keywords) + len(entry.value.posts) == 1:
            await delete_filter(self._graph, entry)
        else:
            await change_filter(self._graph, request.account, entry.id, without(keyword.id))
        return empty()

    def _wanted(self, params: OldFilterParams, keyword: int) -> Callable[[Filter], Filter]:
        expires_at = _expiry(params.expires_in, self._graph.now_ms())
        action = None if params.irreversible is None else HIDE if params.irreversible else WARN

        def change(value: Filter) -> Filter:
            changed = msgspec.structs.replace(
                value,
                contexts=value.contexts if params.context is None else tuple(dict.fromkeys(params.context)),
                action=action or value.action,
                expires_at=value.expires_at if expires_at is msgspec.UNSET else expires_at,
            )
            if len(value.keywords) > 1 and changed != value:
                raise Invalid("Validation failed: This filter has several keywords: change it by version 2 of the API")
            keywords = tuple(
                _changed(one, params.phrase, params.whole_word) if one.id == keyword else one for one in value.keywords
            )
            return msgspec.structs.replace(changed, keywords=keywords, title=value.title or keywords[0].text)

        return change


def _changed(keyword: Keyword, text: str | None, whole_word: bool | None) -> Keyword:
    return Keyword(
        keyword.id,
        keyword.text if text is None else tidy(text),
        keyword.whole_word if whole_word is None else whole_word,
    )


def _expiry(expires_in: Any, now_ms: int) -> int | msgspec.UnsetType | None:
    """The instant at which a filter ends; None: never; UNSET: as before."""
    if isinstance(expires_in, msgspec.UnsetType):
        return expires_in
    if expires_in in (None, ""):
        return None
    try:
        seconds: int = msgspec.convert(expires_in, int, strict=False)
    except ValueError:
        raise Invalid("Validation failed: expires_in: expected int") from None
    if not 0 < seconds <= MOST_SECONDS:
        raise Invalid("Validation failed: expires_in is out of range")
    return now_ms + 1_000 * seconds


def _keyword_changes(given: Any) -> list[KeywordChange]:
    """A list of changes, or an object whose keys are their places."""
    if given is None:
        return []
    try:
        if isinstance(given, dict):
            given = [given[key] for key in sorted(given, key=int)]
        return msgspec.convert(given, list[KeywordChange], strict=False)
    except ValueError:
        raise Invalid("Validation failed: Keywords are malformed") from None
