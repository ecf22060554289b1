"""What people do with posts, with each other and with hashtags: buttons of forms, which a script only makes quicker."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.model import Account
from ripstop.domain.follows.actions import Wishes, block, follow, mute, remove_follower, unblock, unfollow, unmute
from ripstop.domain.follows.notes import write_note
from ripstop.domain.follows.requests import accept, reject
from ripstop.domain.posts.actions import bookmark, delete, like, repost, unbookmark, unlike, unrepost
from ripstop.domain.posts.model import Post
from ripstop.domain.posts.pins import pin, unpin
from ripstop.domain.posts.tags import follow_tag, unfollow_tag
from ripstop.domain.posts.threads import mute_thread, unmute_thread
from ripstop.domain.text import tag_name
from ripstop.domain.viewing import Seen, access_original, access_post
from ripstop.kernel.errors import BadRequest, NotFound
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Quota, Route
from ripstop.surfaces.web.cards import show
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, done, lead


class ActParams(msgspec.Struct, kw_only=True):
    """A button, by what it does, and to what."""

    id: int
    act: str
    proof: str = ""


class TagActParams(msgspec.Struct, kw_only=True):
    """The button of a hashtag."""

    name: str
    act: str
    proof: str = ""


class NoteParams(msgspec.Struct, kw_only=True):
    """What the reader writes down about somebody; nothing removes it."""

    id: int
    text: str = ""
    proof: str = ""


class DeleteParams(msgspec.Struct, kw_only=True):
    """The button that deletes a post."""

    id: int
    proof: str = ""


OnPerson = Callable[[Graph, int, Entry[Account]], Awaitable[object]]
OnPost = Callable[[Graph, int, Entry[Post]], Awaitable[object]]
ON_POSTS: Mapping[str, OnPost] = {
    "like": like,
    "unlike": unlike,
    "repost": repost,
    "unrepost": unrepost,
    "bookmark": bookmark,
    "unbookmark": unbookmark,
    "pin": pin,
    "unpin": unpin,
    "mute_thread": mute_thread,
    "unmute_thread": unmute_thread,
}
"""What a button of a post does."""


def _following(wishes: Wishes) -> OnPerson:
    async def act(graph: Graph, actor: int, target: Entry[Account]) -> object:
        return await follow(graph, actor, target, wishes)

    return act


def _muting(seconds: int) -> OnPerson:
    async def act(graph: Graph, actor: int, target: Entry[Account]) -> object:
        return await mute(graph, actor, target, seconds=seconds)

    return act


ON_PEOPLE: Mapping[str, OnPerson] = {
    "follow": _following(Wishes()),
    "unfollow": unfollow,
    "hide_reposts": _following(Wishes(reposts=False)),
    "show_reposts": _following(Wishes(reposts=True)),
    "notify": _following(Wishes(notify=True)),
    "be_quiet": _following(Wishes(notify=False)),
    "remove": remove_follower,
    "accept": accept,
    "reject": reject,
    "mute": mute,
    "mute_day": _muting(86_400),
    "mute_week": _muting(7 * 86_400),
    "unmute": unmute,
    "block": block,
    "unblock": unblock,
}
"""What a button beside somebody does."""
ON_TAGS: Mapping[str, Callable[[Graph, int, str], Awaitable[object]]] = {"follow": follow_tag, "unfollow": unfollow_tag}
"""What the button of a hashtag does."""


class Acting:
    """Handlers of the buttons."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        act = self._shell.act
        return [
            Route("POST", "/posts/{id}/act", act(self.on_post), params=ActParams),
            Route("GET", "/posts/{id}/delete", self._shell.own(self.ask_to_delete)),
            Route("POST", "/posts/{id}/delete", act(self.delete), params=DeleteParams),
            Route("POST", "/people/{id}/act", act(self.on_person), params=ActParams),
            Route("POST", "/people/{id}/note", act(self.note), params=NoteParams),
            Route("POST", "/tags/{name}/follow", act(self.on_tag), params=TagActParams),
        ]

    async def on_post(self, request: Request, params: ActParams, reader: Reader) -> Answer:
        """A commit, and at most two engine calls beside those of finding the post."""
        act = ON_POSTS.get(params.act)
        if act is None:
            raise BadRequest("There is no such button")
        if act is unrepost:
            self._shell.count_dear(request, Quota.DELETES, reader)
        post = await access_original(self._graph, reader.id, params.id)
        await act(self._graph, reader.id, post)
        return done(request, "/", anchor=f"#post-{post.id}")

    async def ask_to_delete(self, request: Request, params: None, reader: Reader) -> Answer:
        """Whether a post of one's own is really to go."""
        post = await self._own(reader, int(request.args["id"]))
        [shown] = await show(self._graph, [post], reader.id)
        return Shown("delete_post.html", {"post": shown})

    async def delete(self, request: Request, params: DeleteParams, reader: Reader) -> Answer:
        """A commit."""
        self._shell.count_dear(request, Quota.DELETES, reader)
        await delete(self._graph, reader.id, (await self._own(reader, params.id)).post)
        return lead(f"{request.origin}/@{reader.account.value.acct}")

    async def on_person(self, request: Request, params: ActParams, reader: Reader) -> Answer:
        """A commit, and at most three engine calls."""
        act = ON_PEOPLE.get(params.act)
        if act is None:
            raise BadRequest("There is no such button")
        target = await access_account(self._graph, params.id)
        await act(self._graph, reader.id, target)
        return done(request, f"/@{target.value.acct}")

    async def note(self, request: Request, params: NoteParams, reader: Reader) -> Answer:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, params.id)
        await write_note(self._graph, reader.id, target, params.text)
        return done(request, f"/@{target.value.acct}")

    async def on_tag(self, request: Request, params: TagActParams, reader: Reader) -> Answer:
        """A commit, and at most one engine call."""
        tag = tag_name(params.name)
        if tag is None:
            raise NotFound("Record not found")
        act = ON_TAGS.get(params.act)
        if act is None:
            raise BadRequest("There is no such button")
        await act(self._graph, reader.id, tag)
        return done(request, f"/tags/{tag}")

    async def _own(self, reader: Reader, id_: int) -> Seen:
        seen = await access_post(self._graph, reader.id, id_)
        if seen.post.value.author != reader.id:
            raise NotFound("Record not found")
        return seen
