"""Messages: posts for those whom they name alone, by conversation."""

from typing import NamedTuple

import msgspec

from ripstop.domain.conversations.actions import mark, remove
from ripstop.domain.conversations.queries import access_conversation, conversations, count_unread
from ripstop.kernel.errors import BadRequest
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web import cards
from ripstop.surfaces.web.cards import Face, faces, show
from ripstop.surfaces.web.home import FeedParams
from ripstop.surfaces.web.shell import MOST_UNREAD, Answer, Reader, Shell, Shown, done, lead, older

MESSAGES = "/messages"


class TalkParams(msgspec.Struct, kw_only=True):
    """The button of a conversation."""

    id: int
    act: str
    proof: str = ""


class Talk(NamedTuple):
    """A conversation as the page shows it: with whom, and what was said last."""

    id: int
    unread: bool
    people: list[Face]
    last: cards.Shown


class Talking:
    """Handlers of messages. They are of their reader alone."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("GET", MESSAGES, self._shell.own(self.several), params=FeedParams),
            Route("POST", MESSAGES + "/{id}", self._shell.act(self.act), params=TalkParams),
        ]

    async def several(self, request: Request, params: FeedParams, reader: Reader) -> Answer:
        """A page of conversations, the latest first. At most twelve engine calls."""
        window = params.window
        found = await conversations(
            self._graph,
            reader.id,
            after=window.after,
            before=window.before,
            limit=window.limit,
            direction=window.direction,
        )
        people = await faces(self._graph, {id_ for item in found.items for id_ in item.accounts})
        posts = {post.id: post for post in await show(self._graph, [item.last for item in found.items], reader.id)}
        talks = [
            Talk(
                item.id,
                item.unread,
                [people[id_] for id_ in item.accounts if id_ in people],
                posts[item.last.post.id],
            )
            for item in found.items
            if item.last.post.id in posts
        ]
        context = {
            "talks": [talk for talk in talks if talk.people],
            "older": older(request, found.oldest if found.more else None),
            "unread_messages": await count_unread(self._graph, reader.id, most=MOST_UNREAD),
            "here": "messages",
        }
        return Shown("messages.html", context)

    async def act(self, request: Request, params: TalkParams, reader: Reader) -> Answer:
        """Open a conversation, which is reading it; or mark or remove it. At most eight engine calls and a commit.

        :raises NotFound: it is none of the reader's.
        """
        if params.act == "open":
            talk = await access_conversation(self._graph, reader.id, params.id)
            await mark(self._graph, reader.id, params.id, unread=False)
            [author] = (await faces(self._graph, [talk.last.post.value.author])).values()
            return lead(f"{request.origin}/@{author.handle}/{talk.last.post.id}#post-{talk.last.post.id}")
        if params.act in ("read", "unread"):
            await mark(self._graph, reader.id, params.id, unread=params.act == "unread")
        elif params.act == "remove":
            await remove(self._graph, reader.id, params.id)
        else:
            raise BadRequest("There is no such button")
        return done(request, MESSAGES)
