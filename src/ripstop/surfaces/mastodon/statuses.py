"""One post at a time: publishing, reading, deleting, and what people do with it."""

from typing import Annotated, Any

import msgspec

from ripstop.domain.accounts.access import access_application, access_own_account
from ripstop.domain.accounts.model import Account
from ripstop.domain.feeds.rows import People, kept_posts, who_likes, who_reposts
from ripstop.domain.media.actions import LOOSE_MS
from ripstop.domain.posts.actions import (
    bookmark,
    delete,
    like,
    publish,
    repost,
    unbookmark,
    unlike,
    unrepost,
)
from ripstop.domain.posts.draft import Draft
from ripstop.domain.posts.model import BOOKMARKED, LIKED, Post, Signature
from ripstop.domain.posts.pins import pin, unpin
from ripstop.domain.posts.threads import mute_thread, unmute_thread
from ripstop.domain.viewing import Place, Seen, access_original, access_post, hydrate, sight_of
from ripstop.kernel.errors import Invalid, NotFound
from ripstop.machinery.graph import Association, Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Auth, Handler, Quota, Route
from ripstop.surfaces.mastodon.paging import ListParams, id_page
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.status import StatusPresenter, json_list
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.timelines import viewer_of

MOST_STATUSES = 40


class StatusParams(msgspec.Struct, kw_only=True):
    """A new post. What this server cannot do yet is refused, rather than left out unnoticed."""

    status: str | None = None
    in_reply_to_id: Id | None = None
    visibility: str | None = None
    spoiler_text: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    media_ids: list[Id] | None = None
    poll: Any = None
    scheduled_at: str | None = None
    quoted_status_id: Id | None = None
    quote_approval_policy: str | None = None
    reply_policy: str | None = None


class StatusesParams(msgspec.Struct, kw_only=True):
    """Which posts."""

    id: Annotated[list[Id], msgspec.Meta(max_length=MOST_STATUSES)] = []


class DeleteParams(msgspec.Struct, kw_only=True):
    """Whether its pictures shall go at once, rather than be kept for a post in its place."""

    id: int
    delete_media: bool = False


class ReblogParams(msgspec.Struct, kw_only=True):
    """Who is to see the repost."""

    id: int
    visibility: str | None = None


class Statuses:
    """Handlers of everything about one post."""

    def __init__(self, graph: Graph, statuses: StatusPresenter, accounts: AccountPresenter, *, site: Site) -> None:
        self._graph = graph
        self._statuses = statuses
        self._accounts = accounts
        self._site = site

    def routes(self) -> list[Route]:
        base = "/api/v1/statuses"

        def act(
            verb: str,
            handler: Handler,
            noun: str,
            params: type[msgspec.Struct] | None = None,
            quota: Quota | None = None,
        ) -> Route:
            path = f"{base}/{{id}}/{verb}"
            return Route("POST", path, handler, scope=f"write:{noun}", auth=Auth.USER, params=params, quota=quota)

        def own(noun: str, handler: Handler) -> Route:
            return Route("GET", f"/api/v1/{noun}", handler, scope=f"read:{noun}", auth=Auth.USER, params=ListParams)

        return [
            Route("POST", base, self.publish, scope="write:statuses", auth=Auth.USER, params=StatusParams),
            Route("GET", base, self.several, auth=Auth.OPTIONAL, params=StatusesParams),
            Route("GET", base + "/{id}", self.one, auth=Auth.OPTIONAL),
            Route(
                "DELETE",
                base + "/{id}",
                self.delete,
                scope="write:statuses",
                auth=Auth.USER,
                params=DeleteParams,
                quota=Quota.DELETES,
            ),
            Route("GET", base + "/{id}/favourited_by", self.liked_by, auth=Auth.OPTIONAL, params=ListParams),
            Route("GET", base + "/{id}/reblogged_by", self.reposted_by, auth=Auth.OPTIONAL, params=ListParams),
            act("favourite", self.like, "favourites"),
            act("unfavourite", self.unlike, "favourites"),
            act("reblog", self.repost, "statuses", ReblogParams),
            act("unreblog", self.unrepost, "statuses", quota=Quota.DELETES),
            act("bookmark", self.bookmark, "bookmarks"),
            act("unbookmark", self.unbookmark, "bookmarks"),
            act("pin", self.pin, "accounts"),
            act("unpin", self.unpin, "accounts"),
            act("mute", self.mute, "mutes"),
            act("unmute", self.unmute, "mutes"),
            own("favourites", self.liked),
            own("bookmarks", self.bookmarked),
        ]

    # One post

    async def publish(self, request: Request, params: StatusParams) -> bytes:
        """A commit, two engine calls if it names people, and two to show it; more if it answers or quotes."""
        _refuse_what_is_missing(params)
        viewer = request.account
        author = await access_own_account(self._graph, viewer)
        parent = quoted = None
        if params.in_reply_to_id is not None:
            parent = await self._named(viewer, params.in_reply_to_id, "reply to")
        if params.quoted_status_id is not None:
            quoted = await self._named(viewer, params.quoted_status_id, "quote")
        published = await publish(
            self._graph,
            author,
            _draft(params, author.value),
            parent=parent,
            quoted=quoted,
            application=await self._signature(request),
            key=request.header("idempotency-key") or None,
            origin=self._site.origin,
            domain=self._site.domain,
        )
        if isinstance(published, int):
            return await self._show(viewer, published)
        return await self._statuses.render_new(published)

    async def several(self, request: Request, params: StatusesParams) -> bytes:
        """Those that there are, and that the viewer may see. At most eleven engine calls."""
        viewer = viewer_of(request)
        sight = await sight_of(self._graph, viewer)
        items = await hydrate(self._graph, sight, list(dict.fromkeys(params.id)), Place.SINGLE)
        return await self._statuses.render_list(viewer, items)

    async def one(self, request: Request, params: None) -> bytes:
        """At most ten engine calls, none of them when all is cached."""
        viewer = viewer_of(request)
        return await self._statuses.render_one(viewer, await self._seen(request))

    async def delete(self, request: Request, params: DeleteParams) -> bytes:
        """What it was, with its source, so that it can be written anew. A commit."""
        seen = await self._seen(request)
        shown = await self._statuses.render_one(request.account, seen)
        keep_media_ms = 0 if params.delete_media else LOOSE_MS
        await delete(self._graph, request.account, seen.post, keep_media_ms=keep_media_ms)
        return b"".join((shown[:-1], b',"text":', msgspec.json.encode(seen.post.value.text), b"}"))

    # What people do with it

    async def like(self, request: Request, params: None) -> bytes:
        """A commit, and two engine calls to show it."""
        post = await self._original(request)
        await like(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def unlike(self, request: Request, params: None) -> bytes:
        """An engine call, a commit, and two engine calls to show it."""
        post = await self._original(request)
        await unlike(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def repost(self, request: Request, params: ReblogParams) -> bytes:
        """A commit, and four engine calls to show it."""
        post = await self._original(request)
        viewer = request.account
        if params.visibility is None:
            id_ = await repost(self._graph, viewer, post)
        else:
            id_ = await repost(self._graph, viewer, post, visibility=params.visibility)
        return await self._show(viewer, id_)

    async def unrepost(self, request: Request, params: None) -> bytes:
        """An engine call, a commit, and two engine calls to show it."""
        post = await self._original(request)
        await unrepost(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def bookmark(self, request: Request, params: None) -> bytes:
        """A commit, and an engine call to show it."""
        post = await self._original(request)
        await bookmark(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def unbookmark(self, request: Request, params: None) -> bytes:
        """A commit, and an engine call to show it."""
        post = await self._original(request)
        await unbookmark(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def pin(self, request: Request, params: None) -> bytes:
        """An engine call, a commit, and three engine calls to show it."""
        seen = await self._seen(request)
        await pin(self._graph, request.account, seen.post)
        return await self._show_again(request.account, seen.post)

    async def unpin(self, request: Request, params: None) -> bytes:
        """A commit, and an engine call to show it."""
        post = await self._original(request)
        await unpin(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def mute(self, request: Request, params: None) -> bytes:
        """Mutes the thread. A commit, and an engine call to show it."""
        post = await self._original(request)
        await mute_thread(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    async def unmute(self, request: Request, params: None) -> bytes:
        """A commit, and an engine call to show it."""
        post = await self._original(request)
        await unmute_thread(self._graph, request.account, post)
        return await self._show_again(request.account, post)

    # Lists

    async def liked_by(self, request: Request, params: ListParams) -> Response:
        """Who likes it. Four engine calls at most beside those of reading it."""
        post = await self._original(request)
        return await self._people(request, await who_likes(self._graph, viewer_of(request), post.id, params.window))

    async def reposted_by(self, request: Request, params: ListParams) -> Response:
        """Who passed it on. Five engine calls at most beside those of reading it."""
        post = await self._original(request)
        return await self._people(request, await who_reposts(self._graph, viewer_of(request), post.id, params.window))

    async def liked(self, request: Request, params: ListParams) -> Response:
        """What the viewer likes, by when it began to. At most nine engine calls."""
        return await self._own_posts(request, params, LIKED)

    async def bookmarked(self, request: Request, params: ListParams) -> Response:
        """What the viewer keeps at hand, by when it began to. At most nine engine calls."""
        return await self._own_posts(request, params, BOOKMARKED)

    # Shared

    async def _people(self, request: Request, found: People) -> Response:
        return id_page(request, json_list(await self._accounts.render_list(found.items)), found)

    async def _own_posts(self, request: Request, params: ListParams, list_: Association) -> Response:
        viewer = request.account
        window = msgspec.structs.replace(params.window, limit=min(params.limit, MOST_STATUSES))
        found = await kept_posts(self._graph, viewer, list_, window)
        return id_page(request, await self._statuses.render_list(viewer, found.items), found)

    async def _seen(self, request: Request) -> Seen:
        return await access_post(self._graph, viewer_of(request), int(request.args["id"]))

    async def _original(self, request: Request) -> Entry[Post]:
        return await access_original(self._graph, viewer_of(request), int(request.args["id"]))

    async def _named(self, viewer: int, id_: int, purpose: str) -> Entry[Post]:
        """A post that a new one names; where that is a repost, what it passes on."""
        try:
            return await access_original(self._graph, viewer, id_)
        except NotFound:
            raise NotFound(f"The post you are trying to {purpose} does not appear to exist.") from None

    async def _show(self, viewer: int, id_: int) -> bytes:
        return await self._statuses.render_one(viewer, await access_post(self._graph, viewer, id_))

    async def _show_again(self, viewer: int, post: Entry[Post]) -> bytes:
        """A post, after what was done with it: its commit has told the cache."""
        return await self._statuses.render_one(viewer, Seen(post, None))

    async def _signature(self, request: Request) -> Signature | None:
        viewer = request.viewer
        if viewer is None or viewer.application is None:
            return None
        application = (await access_application(self._graph, viewer.application)).value
        return Signature(application.name, application.website)


def _refuse_what_is_missing(params: StatusParams) -> None:
    missing = {
        "Polls": params.poll,
        "Scheduled posts": params.scheduled_at,
    }
    for what, given in missing.items():
        if given:
            raise Invalid(f"Validation failed: {what} are not possible on this server yet")


def _draft(params: StatusParams, author: Account) -> Draft:
    """What is not said follows from the author's own defaults."""
    return Draft(
        text=params.status or "",
        visibility=params.visibility or author.posting_visibility,
        spoiler_text=params.spoiler_text or "",
        sensitive=author.posting_sensitive if params.sensitive is None else params.sensitive,
        language=params.language or author.posting_language,
        media=tuple(params.media_ids or ()),
        quote_policy=params.quote_approval_policy or author.posting_quote_policy,
        reply_policy=params.reply_policy or (author.posting_reply_policy if params.in_reply_to_id is None else None),
    )
