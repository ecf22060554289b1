"""Where our own links lead: profiles, posts and hashtags, for everybody. What is not for a reader is not found."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.accounts.model import PUBLIC, Account, Picture
from ripstop.domain.feeds import Page, account_posts, pinned_posts, tag_timeline, thread_context
from ripstop.domain.feeds.rows import people_of
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS
from ripstop.domain.follows.queries import Relation, relation_to
from ripstop.domain.media.model import LARGE, SMALL, media_path
from ripstop.domain.posts.model import Post
from ripstop.domain.posts.tags import follows_tag
from ripstop.domain.text import render, render_line, tag_name, tag_url
from ripstop.domain.viewing import access_post
from ripstop.domain.viewing import model as filtered
from ripstop.kernel.errors import Forbidden, NotFound
from ripstop.machinery.graph import Association, Entry, Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.paging import ListParams
from ripstop.surfaces.mastodon.present.account import COUNTS
from ripstop.surfaces.web.cards import faces_of, in_a_line, show
from ripstop.surfaces.web.home import FeedParams
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, older
from ripstop.surfaces.web.syndication import Syndication

RSS = ".rss"
POSTS, REPLIES, MEDIA_ONLY = "posts", "replies", "media"
"""What a profile lists: what was said to everybody in general, what was said to others too, what has pictures."""
IN_TITLE = 70
"""Characters of a post in the title of its page."""


class Shots(NamedTuple):
    """The paths of a picture, small and large."""

    small: str
    large: str


class Profile(NamedTuple):
    """An account as its page shows it. `note` and the values of `fields` are clean HTML; all else is text. `relation`
    is how the reader stands to it; None for everybody, and for oneself."""

    id: int
    name: str
    handle: str
    path: str
    avatar: Shots | None
    header: Shots | None
    note: str
    fields: Sequence[tuple[str, str]]
    locked: bool
    bot: bool
    followers: int
    following: int
    posts: int
    mine: bool
    relation: Relation | None


class Reading:
    """Handlers of pages that anybody may read.

    :param origin: the public URL, without a slash at the end.
    :param domain: what stands after the @ of those who live here.
    """

    def __init__(self, graph: Graph, shell: Shell, syndication: Syndication, *, origin: str, domain: str) -> None:
        self._graph = graph
        self._shell = shell
        self._syndication = syndication
        self._origin = origin
        self._domain = domain

    def routes(self) -> list[Route]:
        read = self._shell.open
        return [
            Route("GET", "/@{name}", read(self.profile), params=FeedParams),
            Route("GET", "/@{name}/replies", read(self.replies), params=FeedParams),
            Route("GET", "/@{name}/media", read(self.media), params=FeedParams),
            Route("GET", "/@{name}/followers", read(self.followers), params=ListParams),
            Route("GET", "/@{name}/following", read(self.following), params=ListParams),
            Route("GET", "/@{name}/{id}", read(self.post)),
            Route("GET", "/tags/{name}", read(self.tag), params=FeedParams),
        ]

    async def profile(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """Somebody, and what they posted; or with `.rss` the same for programs. At most nine engine calls.

        :raises Gone: the account was deleted.
        :raises Forbidden: it is suspended.
        """
        name = str(request.args["name"])
        if name.endswith(RSS):
            return await self._syndication.of_account(await self._account(name.removesuffix(RSS)))
        return await self._profile_page(request, params, reader, POSTS)

    async def replies(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """The same with what they answered."""
        return await self._profile_page(request, params, reader, REPLIES)

    async def media(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """The same, but only what has pictures."""
        return await self._profile_page(request, params, reader, MEDIA_ONLY)

    async def followers(self, request: Request, params: ListParams, reader: Reader | None) -> Answer:
        """Who follows somebody. At most five engine calls beside the reader's relations."""
        return await self._people(request, params, reader, FOLLOWED_BY, "Followers")

    async def following(self, request: Request, params: ListParams, reader: Reader | None) -> Answer:
        """Whom somebody follows, likewise."""
        return await self._people(request, params, reader, FOLLOWS, "Following")

    async def post(self, request: Request, params: None, reader: Reader | None) -> Answer:
        """A post in its thread. At most ten engine calls.

        :raises NotFound: it is not there, not by this author, or not for this reader.
        """
        account, id_ = await self._account(str(request.args["name"])), int(request.args["id"])
        viewer = None if reader is None else reader.id
        item = await access_post(self._graph, viewer, id_)
        if item.post.value.author != account.id or item.original is not None:
            raise NotFound("Record not found")
        around = await thread_context(self._graph, viewer, id_)
        author, post = account.value, item.post.value
        name = author.display_name or author.username
        context = {
            "title": f"{name}: “{in_a_line(post, IN_TITLE)}”",
            "canonical": f"{self._origin}/@{author.acct}/{id_}",
            "hidden": not author.indexable or post.visibility != PUBLIC,
            "preview": self._preview(author, post),
            "posts": await show(
                self._graph, [*around.ancestors, item, *around.descendants], viewer, context=filtered.THREAD
            ),
            "chosen": id_,
            "answered": name,
        }
        return Shown("thread.html", context)

    async def tag(self, request: Request, params: FeedParams, reader: Reader | None) -> Answer:
        """Public posts with a hashtag; or with `.rss` the same for programs. At most six engine calls.

        :raises NotFound: this cannot be a hashtag.
        """
        name = str(request.args["name"])
        tag = tag_name(name.removesuffix(RSS))
        if tag is None:
            raise NotFound("Record not found")
        if name.endswith(RSS):
            return await self._syndication.of_tag(tag)
        viewer = None if reader is None else reader.id
        found = await tag_timeline(self._graph, viewer, (tag,), params.window)
        context = {
            "tag": tag,
            "canonical": tag_url(self._origin, tag),
            "follows": viewer is not None and await follows_tag(self._graph, viewer, tag),
            "posts": await show(self._graph, found.items, viewer, context=filtered.PUBLIC),
            "older": older(request, found.next_max_id),
        }
        return Shown("tag.html", context)

    async def _account(self, handle: str) -> Entry[Account]:
        account = await access_named_account(self._graph, handle, local_domain=self._domain)
        if account.value.is_suspended:
            raise Forbidden("This account is suspended.")
        return account

    async def _profile_page(self, request: Request, params: FeedParams, reader: Reader | None, tab: str) -> Answer:
        account = await self._account(str(request.args["name"]))
        viewer = None if reader is None else reader.id
        found = await account_posts(
            self._graph,
            viewer,
            account.id,
            params.window,
            exclude_replies=tab == POSTS,
            exclude_reposts=viewer is None or tab == MEDIA_ONLY,
            only_media=tab == MEDIA_ONLY,
            only_public=viewer is None,
        )
        profile = await self._profile(account, viewer)
        pinned = Page([], None, None)
        if tab == POSTS and params.is_first:
            pinned = await pinned_posts(self._graph, viewer, account.id)
        first = {item.post.id for item in pinned.items}
        context = {
            "title": f"{profile.name} (@{profile.handle})",
            "canonical": f"{self._origin}/@{account.value.acct}",
            "hidden": not account.value.indexable,
            "profile": profile,
            "preview": self._preview(account.value, None),
            "tab": tab,
            "pinned": await show(self._graph, pinned.items, viewer, context=filtered.ACCOUNT),
            "posts": await show(
                self._graph,
                [item for item in found.items if item.post.id not in first],
                viewer,
                context=filtered.ACCOUNT,
            ),
            "older": older(request, found.next_max_id),
            "here": "profile" if viewer == account.id else "",
        }
        return Shown("profile.html", context)

    async def _people(
        self, request: Request, params: ListParams, reader: Reader | None, list_: Association, title: str
    ) -> Answer:
        account, viewer = await self._account(str(request.args["name"])), None if reader is None else reader.id
        found = await people_of(self._graph, viewer, account, list_, params.window)
        context = {
            "title": f"{title} of {account.value.display_name or account.value.username}",
            "people": await faces_of(self._graph, [] if found is None else found.items),
            "older": older(request, None if found is None else found.next_max_id),
            "empty": "This is not shown to you." if found is None else "Nobody yet.",
            "actions": (),
        }
        return Shown("people.html", context)

    async def _profile(self, entry: Entry[Account], viewer: int | None) -> Profile:
        def html(text: str) -> str:
            return render_line(text, origin=self._origin, person=_nobody)

        account = entry.value
        counts = (await self._graph.tallies((entry.id,), COUNTS))[entry.id].counts
        relation = None
        if viewer not in (None, entry.id):
            relation = await relation_to(self._graph, viewer, entry.id)
        return Profile(
            id=entry.id,
            name=account.display_name or account.username,
            handle=account.acct if account.domain else f"{account.username}@{self._domain}",
            path=f"/@{account.acct}",
            avatar=_shots(account.avatar),
            header=_shots(account.header),
            note=render(account.note, origin=self._origin, person=_nobody),
            fields=[(field.name, html(field.value)) for field in account.fields],
            locked=account.locked,
            bot=account.bot,
            followers=counts[0].length,
            following=counts[1].length,
            posts=counts[2].length,
            mine=viewer == entry.id,
            relation=relation,
        )

    def _preview(self, account: Account, post: Post | None) -> dict[str, Any]:
        """What other sites show of a link to this page: Open Graph. Nothing that stands behind a warning."""
        picture = None if account.avatar is None else media_path(account.avatar.key, LARGE)
        said = account.note if post is None else in_a_line(post, IN_TITLE)
        large = False
        if post is not None and post.media and not post.sensitive:
            picture, large = media_path(post.media[0].key, LARGE), True
        return {
            "kind": "profile" if post is None else "article",
            "said": " ".join(said.split())[:200],
            "picture": "" if picture is None else self._origin + picture,
            "large": large,
        }


def _shots(picture: Picture | None) -> Shots | None:
    return None if picture is None else Shots(media_path(picture.key, SMALL), media_path(picture.key, LARGE))


def _nobody(handle: str) -> None:
    """Profiles name people in plain text."""
    del handle
