"""What people keep: bookmarks, favourites, hashtags, and lists of those whom they follow."""

from typing import Annotated, Any

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.feeds import list_timeline
from ripstop.domain.feeds.rows import cursors, kept_posts, read_rows
from ripstop.domain.follows.lists import (
    ListChanges,
    access_list,
    add_members,
    create_list,
    delete_list,
    lists_of,
    lists_with,
    members_of,
    remove_members,
    update_list,
)
from ripstop.domain.follows.model import REPLIES_FOLLOWED, REPLIES_LIST, REPLIES_NONE
from ripstop.domain.posts.model import BOOKMARKED, FOLLOWS_TAG, LIKED
from ripstop.domain.posts.tags import followed_names
from ripstop.domain.viewing.model import HOME
from ripstop.kernel.errors import Conflict, Invalid
from ripstop.machinery.graph import Association, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.paging import ListParams
from ripstop.surfaces.web.cards import face, faces_of, show
from ripstop.surfaces.web.home import FeedParams
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, older, sentences

LISTS = "/lists"
ANSWERS = {
    REPLIES_LIST: "to those who are in the list",
    REPLIES_FOLLOWED: "to those whom you follow",
    REPLIES_NONE: "to nobody",
}
"""Whom a list shows answers to, in words."""
MOST_AT_ONCE = 50


class ListFormParams(msgspec.Struct, kw_only=True):
    """A list as its owner wants it. A browser sends only set ticks."""

    id: int = 0
    title: str = ""
    answers: str = REPLIES_LIST
    exclusive: bool = False
    proof: str = ""

    @property
    def changes(self) -> ListChanges:
        return ListChanges(title=self.title, replies_policy=self.answers, exclusive=self.exclusive)


class ProofParams(msgspec.Struct, kw_only=True):
    """A button alone."""

    id: int
    proof: str = ""


class PersonListsParams(msgspec.Struct, kw_only=True):
    """In which of the reader's lists somebody is to be."""

    id: int
    lists: Annotated[list[Id], msgspec.Meta(max_length=2 * MOST_AT_ONCE)] = []
    proof: str = ""


class Shelves:
    """Handlers of what people keep. All of it is for its owner alone."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        own, act = self._shell.own, self._shell.act
        return [
            Route("GET", "/bookmarks", own(self.bookmarks), params=FeedParams),
            Route("GET", "/favourites", own(self.favourites), params=FeedParams),
            Route("GET", "/tags", own(self.tags), params=ListParams),
            Route("GET", LISTS, own(self.lists)),
            Route("POST", LISTS, act(self.create), params=ListFormParams),
            Route("GET", LISTS + "/{id}", own(self.one), params=FeedParams),
            Route("GET", LISTS + "/{id}/edit", own(self.settings)),
            Route("POST", LISTS + "/{id}/edit", act(self.change), params=ListFormParams),
            Route("POST", LISTS + "/{id}/delete", act(self.delete), params=ProofParams),
            Route("GET", "/people/{id}/lists", own(self.holding)),
            Route("POST", "/people/{id}/lists", act(self.put), params=PersonListsParams),
        ]

    async def bookmarks(self, request: Request, params: FeedParams, reader: Reader) -> Answer:
        """What the reader keeps at hand, by when it began to."""
        return await self._posts(request, params, reader, BOOKMARKED, "Bookmarks")

    async def favourites(self, request: Request, params: FeedParams, reader: Reader) -> Answer:
        """What the reader likes, likewise."""
        return await self._posts(request, params, reader, LIKED, "Favourites")

    async def tags(self, request: Request, params: ListParams, reader: Reader) -> Answer:
        """Hashtags that the reader follows, by when it began to. One engine call."""
        rows = await read_rows(self._graph, reader.id, FOLLOWS_TAG, params.window)
        context = {"tags": followed_names(rows), "older": older(request, cursors(rows, params.window)[0])}
        return Shown("tags.html", context)

    async def lists(self, request: Request, params: None, reader: Reader) -> Answer:
        """All lists, and a form for one more. At most two engine calls."""
        return await self._lists_page(reader, ListFormParams())

    async def create(self, request: Request, params: ListFormParams, reader: Reader) -> Answer:
        """At most one engine call, and a commit."""
        try:
            made = await create_list(self._graph, reader.id, params.changes)
        except Invalid as error:
            return await self._lists_page(reader, params, error)
        return lead(f"{request.origin}{LISTS}/{made.id}")

    async def one(self, request: Request, params: FeedParams, reader: Reader) -> Answer:
        """What the members of a list posted."""
        entry = await access_list(self._graph, reader.id, int(request.args["id"]))
        found = await list_timeline(self._graph, entry, params.window)
        context = {
            "title": entry.value.title,
            "settings": f"{LISTS}/{entry.id}/edit",
            "posts": await show(self._graph, found.items, reader.id, context=HOME),
            "older": older(request, found.next_max_id),
            "empty": "Nothing yet. You put people in a list from their profiles.",
        }
        return Shown("shelf.html", context)

    async def settings(self, request: Request, params: None, reader: Reader) -> Answer:
        """The form of a list, and who is in it."""
        entry = await access_list(self._graph, reader.id, int(request.args["id"]))
        value = entry.value
        form = ListFormParams(id=entry.id, title=value.title, answers=value.replies_policy, exclusive=value.exclusive)
        return await self._list_page(form)

    async def change(self, request: Request, params: ListFormParams, reader: Reader) -> Answer:
        """One commit."""
        entry = await access_list(self._graph, reader.id, params.id)
        try:
            await update_list(self._graph, entry, params.changes)
        except (Invalid, Conflict) as error:
            return await self._list_page(params, error)
        return lead(f"{request.origin}{LISTS}/{entry.id}")

    async def delete(self, request: Request, params: ProofParams, reader: Reader) -> Answer:
        """One commit."""
        await delete_list(self._graph, await access_list(self._graph, reader.id, params.id))
        return lead(request.origin + LISTS)

    async def holding(self, request: Request, params: None, reader: Reader) -> Answer:
        """Which of the reader's lists somebody is in."""
        account = await access_account(self._graph, int(request.args["id"]))
        context = {
            "who": face(account.id, account.value),
            "lists": await lists_of(self._graph, reader.id),
            "holding": {entry.id for entry in await lists_with(self._graph, reader.id, account.id)},
        }
        return Shown("person_lists.html", context)

    async def put(self, request: Request, params: PersonListsParams, reader: Reader) -> Answer:
        """Put somebody into these lists and into no others. A commit for each list that changes."""
        account = await access_account(self._graph, params.id)
        for entry in await lists_of(self._graph, reader.id):
            is_in = account.id in await members_of(self._graph, entry.id)
            if entry.id in params.lists and not is_in:
                await add_members(self._graph, entry, [account.id])
            elif entry.id not in params.lists and is_in:
                await remove_members(self._graph, entry, [account.id])
        return lead(f"{request.origin}/@{account.value.acct}")

    async def _posts(
        self, request: Request, params: FeedParams, reader: Reader, list_: Association, title: str
    ) -> Answer:
        """At most nine engine calls."""
        found = await kept_posts(self._graph, reader.id, list_, params.window)
        context = {
            "title": title,
            "settings": "",
            "posts": await show(self._graph, found.items, reader.id),
            "older": older(request, found.next_max_id),
            "empty": "Nothing yet.",
        }
        return Shown("shelf.html", context)

    async def _lists_page(self, reader: Reader, form: ListFormParams, error: Invalid | None = None) -> Shown:
        context = {**_form(form, error), "lists": await lists_of(self._graph, reader.id)}
        return Shown("lists.html", context, 200 if error is None else error.status)

    async def _list_page(self, form: ListFormParams, error: Invalid | Conflict | None = None) -> Shown:
        members = sorted(await members_of(self._graph, form.id))
        context = {**_form(form, error), "people": await faces_of(self._graph, members)}
        return Shown("list.html", context, 200 if error is None else error.status)


def _form(form: ListFormParams, error: Invalid | Conflict | None) -> dict[str, Any]:
    return {"form": form, "answers": ANSWERS, "problems": [] if error is None else sentences([error.sentence])}
