"""How the viewer stands to others: following, blocking, muting."""

from typing import Annotated

import msgspec

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.feeds.rows import read_rows
from ripstop.domain.follows.actions import (
    Wishes,
    block,
    follow,
    languages_of,
    mute,
    remove_follower,
    unblock,
    unfollow,
    unmute,
)
from ripstop.domain.follows.model import BLOCKS, MUTES
from ripstop.domain.follows.notes import familiar_followers, write_note
from ripstop.domain.follows.queries import muted_until, relations_to
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Auth, Handler, Route
from ripstop.surfaces.mastodon.paging import MOST_ACCOUNTS, ListParams, row_page
from ripstop.surfaces.mastodon.present.account import AccountPresenter, muted_account
from ripstop.surfaces.mastodon.present.relationship import relationship, relationships
from ripstop.surfaces.mastodon.present.status import json_list

MOST_SECONDS = 10 * 365 * 86_400
"""Longest mute that ends by itself."""
MOST_FAMILIAR = 20
"""Accounts of which familiar followers are looked for at once."""
FAMILIAR_BODY = 4_096
"""Bytes of a body with their ids: there are clients that send one with this GET."""


class RelationshipsParams(msgspec.Struct, kw_only=True):
    """To which accounts."""

    id: Annotated[list[Id], msgspec.Meta(max_length=MOST_ACCOUNTS)] = []


class FollowParams(msgspec.Struct, kw_only=True):
    """What the follower wants to see; what is absent stays as it is."""

    id: int
    reblogs: bool | None = None
    notify: bool | None = None
    languages: list[str] | None = None


class MuteParams(msgspec.Struct, kw_only=True):
    """Whether notifications are muted too, and for how many seconds (0: until it is undone)."""

    id: int
    notifications: bool = True
    duration: Annotated[int, msgspec.Meta(ge=0, le=MOST_SECONDS)] = 0


class NoteParams(msgspec.Struct, kw_only=True):
    """What the viewer writes down about an account; nothing removes it."""

    id: int
    comment: str = ""


class FamiliarParams(msgspec.Struct, kw_only=True):
    """Of which accounts the followers are looked at, each with an engine call of its own."""

    id: Annotated[list[Id], msgspec.Meta(max_length=MOST_FAMILIAR)] = []


class Relationships:
    """Handlers of everything between two accounts."""

    def __init__(self, graph: Graph, accounts: AccountPresenter) -> None:
        self._graph = graph
        self._accounts = accounts

    def routes(self) -> list[Route]:
        account = "/api/v1/accounts/{id}"

        def act(verb: str, handler: Handler, noun: str, params: type[msgspec.Struct] | None = None) -> Route:
            return Route("POST", f"{account}/{verb}", handler, scope=f"write:{noun}", auth=Auth.USER, params=params)

        return [
            Route(
                "GET",
                "/api/v1/accounts/relationships",
                self.several,
                scope="read:follows",
                auth=Auth.USER,
                params=RelationshipsParams,
            ),
            act("follow", self.follow, "follows", FollowParams),
            act("unfollow", self.unfollow, "follows"),
            act("remove_from_followers", self.remove_follower, "follows"),
            act("block", self.block, "blocks"),
            act("unblock", self.unblock, "blocks"),
            act("mute", self.mute, "mutes", MuteParams),
            act("unmute", self.unmute, "mutes"),
            act("note", self.note, "accounts", NoteParams),
            Route(
                "GET",
                "/api/v1/accounts/familiar_followers",
                self.familiar,
                scope="read:follows",
                auth=Auth.USER,
                params=FamiliarParams,
                max_body=FAMILIAR_BODY,
            ),
            Route("GET", "/api/v1/blocks", self.blocks, scope="read:blocks", auth=Auth.USER, params=ListParams),
            Route("GET", "/api/v1/mutes", self.mutes, scope="read:mutes", auth=Auth.USER, params=ListParams),
        ]

    async def several(self, request: Request, params: RelationshipsParams) -> bytes:
        """Those of accounts that there are. At most three engine calls, and see `relations_to`."""
        known = await self._graph.get_many(ACCOUNT, params.id)
        ids = [id_ for id_ in dict.fromkeys(params.id) if id_ in known]
        return relationships(await relations_to(self._graph, request.account, ids) if ids else [])

    async def follow(self, request: Request, params: FollowParams) -> bytes:
        """Three engine calls and a commit."""
        target = await access_account(self._graph, params.id)
        wishes = Wishes(reposts=params.reblogs, notify=params.notify, languages=languages_of(params.languages))
        return relationship(await follow(self._graph, request.account, target, wishes))

    async def unfollow(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await unfollow(self._graph, request.account, target))

    async def remove_follower(self, request: Request, params: None) -> bytes:
        """Three engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await remove_follower(self._graph, request.account, target))

    async def block(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await block(self._graph, request.account, target))

    async def unblock(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await unblock(self._graph, request.account, target))

    async def mute(self, request: Request, params: MuteParams) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, params.id)
        relation = await mute(
            self._graph, request.account, target, notifications=params.notifications, seconds=params.duration
        )
        return relationship(relation)

    async def unmute(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, int(request.args["id"]))
        return relationship(await unmute(self._graph, request.account, target))

    async def note(self, request: Request, params: NoteParams) -> bytes:
        """Two engine calls and a commit."""
        target = await access_account(self._graph, params.id)
        return relationship(await write_note(self._graph, request.account, target, params.comment))

    async def familiar(self, request: Request, params: FamiliarParams) -> bytes:
        """Whom the viewer follows among the followers of each account. Four engine calls and one for each account."""
        ids = list(dict.fromkeys(params.id))
        found = await familiar_followers(self._graph, request.account, ids)
        cards = await self._accounts.cards({one for people in found for one in people})
        return json_list(
            b'{"id":"%d","accounts":%b}' % (id_, json_list(cards[one] for one in people if one in cards))
            for id_, people in zip(ids, found, strict=True)
        )

    async def blocks(self, request: Request, params: ListParams) -> Response:
        """Whom the viewer blocks. At most three engine calls."""
        rows = await read_rows(self._graph, request.account, BLOCKS, params.window)
        body = json_list(await self._accounts.render_list([row.target for row in rows]))
        return row_page(request, body, rows, params.window)

    async def mutes(self, request: Request, params: ListParams) -> Response:
        """Whom the viewer mutes, and until when. At most three engine calls."""
        rows = await read_rows(self._graph, request.account, MUTES, params.window)
        cards = await self._accounts.cards([row.target for row in rows])
        body = json_list(muted_account(cards[row.target], muted_until(row)) for row in rows if row.target in cards)
        return row_page(request, body, rows, params.window)
