"""Where our own links lead: profiles, posts and hashtags, for everybody. What is not for everybody is not found."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.accounts.model import PUBLIC, Account, Picture
from ripstop.domain.feeds import Window, account_posts, tag_timeline, thread_context
from ripstop.domain.media.model import LARGE, SMALL, media_path
from ripstop.domain.text import render, render_line, tag_name, tag_url
from ripstop.domain.viewing import access_post
from ripstop.kernel.errors import Forbidden, NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.forms import Forms
from ripstop.surfaces.web.pages import PAGE, PAGE_HEADERS, LocalParams, Renderer, Shown, show
from ripstop.surfaces.web.static import cached


class Shots(NamedTuple):
    """The paths of a picture, small and large."""

    small: str
    large: str


class Profile(NamedTuple):
    """An account as its page shows it. `note` and the values of `fields` are clean HTML; all else is text."""

    name: str
    handle: str
    avatar: Shots | None
    header: Shots | None
    note: str
    fields: Sequence[tuple[str, str]]


class Reading:
    """Handlers of pages that anybody may read.

    :param origin: the public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, renderer: Renderer, forms: Forms, *, origin: str) -> None:
        self._graph = graph
        self._renderer = renderer
        self._guarded = forms.guarded
        self._origin = origin

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/@{name}", self._guarded(self.profile), params=LocalParams),
            Route("GET", "/@{name}/{id}", self._guarded(self.post)),
            Route("GET", "/tags/{name}", self._guarded(self.tag), params=LocalParams),
        ]

    async def profile(self, request: Request, params: LocalParams) -> Response:
        """Somebody, and what they posted to everybody. At most six engine calls.

        :raises Gone: the account was deleted.
        :raises Forbidden: it is suspended.
        """
        handle = str(request.args["name"])
        account = await access_named_account(self._graph, handle, local_domain=self._renderer.facts.domain)
        if account.value.is_suspended:
            raise Forbidden("This account is suspended.")
        found = await account_posts(
            self._graph,
            None,
            account.id,
            Window(limit=PAGE, max_id=params.max_id),
            exclude_replies=True,
            exclude_reposts=True,
            only_public=True,
        )
        profile = self._profile(account.value)
        return self._answer(
            request,
            await show(self._graph, found.items),
            title=profile.name,
            canonical=f"{self._origin}/@{account.value.acct}",
            older=found.next_max_id,
            hidden=not account.value.indexable,
            profile=profile,
        )

    async def post(self, request: Request, params: None) -> Response:
        """A post in its thread. At most eight engine calls.

        :raises NotFound: it is not there, not by this author, or not for everybody.
        """
        handle, id_ = str(request.args["name"]), int(request.args["id"])
        account = await access_named_account(self._graph, handle, local_domain=self._renderer.facts.domain)
        item = await access_post(self._graph, None, id_)
        if item.post.value.author != account.id or item.original is not None:
            raise NotFound("Record not found")
        around = await thread_context(self._graph, None, id_)
        author = account.value
        return self._answer(
            request,
            await show(self._graph, [*around.ancestors, item, *around.descendants]),
            title=f"A post of {author.display_name or author.username}",
            canonical=f"{self._origin}/@{author.acct}/{id_}",
            hidden=not author.indexable or item.post.value.visibility != PUBLIC,
            chosen=id_,
        )

    async def tag(self, request: Request, params: LocalParams) -> Response:
        """Public posts with a hashtag. At most four engine calls.

        :raises NotFound: this cannot be a hashtag.
        """
        tag = tag_name(str(request.args["name"]))
        if tag is None:
            raise NotFound("Record not found")
        found = await tag_timeline(self._graph, None, (tag,), Window(limit=PAGE, max_id=params.max_id))
        return self._answer(
            request,
            await show(self._graph, found.items),
            title=f"#{tag}",
            canonical=tag_url(self._origin, tag),
            older=found.next_max_id,
        )

    def _answer(
        self,
        request: Request,
        posts: Sequence[Shown],
        *,
        title: str,
        canonical: str,
        older: int | None = None,
        hidden: bool = False,
        profile: Profile | None = None,
        chosen: int | None = None,
    ) -> Response:
        """The page. `hidden` asks search engines to leave it out; `chosen` is the post that the page is about."""
        body = self._renderer.page(
            "reading.html",
            posts=posts,
            title=title,
            canonical=canonical,
            older=older,
            hidden=hidden,
            profile=profile,
            chosen=chosen,
        )
        return cached(request, body, hashlib.sha256(body).hexdigest()[:16], PAGE_HEADERS)

    def _profile(self, account: Account) -> Profile:
        def html(text: str) -> str:
            return render_line(text, origin=self._origin, person=_nobody)

        return Profile(
            name=account.display_name or account.username,
            handle=account.acct if account.domain else f"{account.username}@{self._renderer.facts.domain}",
            avatar=_shots(account.avatar),
            header=_shots(account.header),
            note=render(account.note, origin=self._origin, person=_nobody),
            fields=[(field.name, html(field.value)) for field in account.fields],
        )


def _shots(picture: Picture | None) -> Shots | None:
    return None if picture is None else Shots(media_path(picture.key, SMALL), media_path(picture.key, LARGE))


def _nobody(handle: str) -> None:
    """Profiles name people in plain text."""
    del handle
