"""Notifications: what others did, told of together."""

from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.markers import set_markers
from ripstop.domain.conversations.queries import count_unread
from ripstop.domain.notifications.groups import Group, groups
from ripstop.domain.notifications.model import (
    EDIT,
    FOLLOW,
    FOLLOW_REQUEST,
    GROUPABLE,
    LIKE,
    MENTION,
    NEW_ACCOUNT,
    NEW_POST,
    NEW_REPORT,
    QUOTE,
    QUOTED_EDIT,
    REPOST,
)
from ripstop.domain.notifications.queries import Wanted, read_from
from ripstop.domain.viewing.model import NOTIFICATIONS
from ripstop.kernel.ids import time_ms
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web import cards
from ripstop.surfaces.web.cards import Face, ago, faces, show
from ripstop.surfaces.web.shell import MOST_UNREAD, Answer, Reader, Shell, Shown, older

PAGE = 30

WORDS = {
    FOLLOW: ("person", "followed you"),
    LIKE: ("heart", "liked your post"),
    REPOST: ("repost", "reposted your post"),
    MENTION: ("reply", "mentioned you"),
    FOLLOW_REQUEST: ("lock", "asks to follow you"),
    NEW_POST: ("write", "posted"),
    EDIT: ("write", "edited a post that you reposted"),
    QUOTE: ("quote", "quoted your post"),
    QUOTED_EDIT: ("write", "edited a post that you quoted"),
    NEW_ACCOUNT: ("people", "signed up"),
    NEW_REPORT: ("list", "reported an account"),
}
"""The icon and the words of each kind."""
WHOLE = frozenset({MENTION, NEW_POST, QUOTE})
"""Kinds whose post is shown with all that can be done with it; of others a glance at it is enough."""


class ToldParams(msgspec.Struct, kw_only=True):
    """Which page."""

    max_id: Id | None = None


class ShownGroup(NamedTuple):
    """What is told of together: by whom, what, when, and of which post."""

    picture: str
    people: list[Face]
    others: int
    words: str
    ago: str
    is_new: bool
    asks: bool
    whole: bool
    post: cards.Shown | None
    leads: str = ""
    """Where the staff does something about it."""


class Told:
    """Handler of notifications."""

    def __init__(self, graph: Graph, shell: Shell) -> None:
        self._graph = graph
        self._shell = shell

    def routes(self) -> list[Route]:
        return [Route("GET", "/notifications", self._shell.own(self.several), params=ToldParams)]

    async def several(self, request: Request, params: ToldParams, reader: Reader) -> Answer:
        """A page of groups. Seeing the first one is reading it: the marker moves. At most twenty engine calls, and a
        commit."""
        before = None if params.max_id is None else (params.max_id, 0)
        read = await read_from(self._graph, reader.id)
        found = await groups(self._graph, reader.id, Wanted(limit=PAGE, before=before), grouped=GROUPABLE)
        last_read = 0 if read is None else read[0]
        shown = await self._shown(reader, found.items, last_read)
        if params.max_id is None and found.newest is not None and found.newest > last_read:
            await set_markers(self._graph, reader.id, {"notifications": found.newest})
            await self._graph.sync()
        context = {
            "groups": shown,
            "older": older(request, found.oldest if found.more else None),
            "unread_messages": await count_unread(self._graph, reader.id, most=MOST_UNREAD),
            "here": "notifications",
        }
        return Shown("notifications.html", context)

    async def _shown(self, reader: Reader, items: list[Group], last_read: int) -> list[ShownGroup]:
        people = await faces(self._graph, {actor for item in items for actor in item.actors})
        seen = {item.post.post.id: item.post for item in items if item.post is not None}
        posts = {
            post.place: post for post in await show(self._graph, list(seen.values()), reader.id, context=NOTIFICATIONS)
        }
        now_ms, found = self._graph.now_ms(), []
        for item in items:
            named = [people[actor] for actor in item.actors if actor in people]
            post = None if item.post is None else posts.get(item.post.post.id)
            if not named or (item.post is not None and post is None):
                continue
            picture, words = WORDS[item.kind]
            found.append(
                ShownGroup(
                    picture=picture,
                    people=named,
                    others=max(0, item.size - 1),
                    words=words,
                    ago=ago(time_ms(item.newest), now_ms),
                    is_new=item.newest > last_read,
                    asks=item.kind == FOLLOW_REQUEST,
                    whole=item.kind in WHOLE,
                    post=post,
                    leads=_leads(item),
                )
            )
        return found


def _leads(item: Group) -> str:
    """The page on which the staff does something about it; empty for what is not for the staff."""
    if item.kind == NEW_REPORT:
        return f"/admin/reports/{item.newest}"
    return f"/admin/accounts/{item.actors[0]}" if item.kind == NEW_ACCOUNT else ""
