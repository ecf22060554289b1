"""Accounts: signing up, profiles, who follows whom."""

from typing import Annotated, Any

import msgspec

from ripstop.domain.accounts.access import (
    access_account,
    access_application,
    access_named_account,
    access_own_account,
)
from ripstop.domain.accounts.actions import ProfileChanges, SignUp, sign_up, update_profile
from ripstop.domain.accounts.model import NO_PICTURE, Field, Picture
from ripstop.domain.feeds.rows import people_of
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS
from ripstop.domain.media.actions import Images
from ripstop.domain.media.model import AVATAR, HEADER
from ripstop.kernel.errors import Invalid, Unauthenticated
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Association, Graph
from ripstop.surfaces.http.errors import INVALID_TOKEN
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Kind, Quota, Route
from ripstop.surfaces.mastodon.paging import MOST_ACCOUNTS, ListParams, id_page
from ripstop.surfaces.mastodon.pictures import BODY_SECONDS, PROFILE_BODY, File, picture_bytes
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.application import token
from ripstop.surfaces.mastodon.present.status import json_list
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.timelines import viewer_of


class SignUpParams(msgspec.Struct, kw_only=True):
    """The form of somebody who wants an account; what is missing is found by the domain, all at once."""

    username: str = ""
    email: str = ""
    password: str = ""
    agreement: bool = False
    locale: str = "en"
    reason: str | None = None


class AccountsParams(msgspec.Struct, kw_only=True):
    """Which accounts."""

    id: Annotated[list[Id], msgspec.Meta(max_length=MOST_ACCOUNTS)] = []


class LookupParams(msgspec.Struct, kw_only=True):
    """A handle, such as `alice` or `dan@remote.example`."""

    acct: str


class SourceParams(msgspec.Struct, kw_only=True):
    """The owner's defaults for new posts."""

    privacy: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    quote_policy: str | None = None
    reply_policy: str | None = None


class ProfileParams(msgspec.Struct, kw_only=True):
    """What the owner of an account may change; what is absent stays."""

    display_name: str | None = None
    note: str | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hide_collections: bool | None = None
    fields_attributes: Any = None
    attribution_domains: list[str] | None = None
    source: SourceParams | None = None
    avatar: File = None
    header: File = None


class Accounts:
    """Handlers of everything about accounts but their relations to each other."""

    def __init__(self, graph: Graph, accounts: AccountPresenter, images: Images, *, site: Site, seal: Secrets) -> None:
        self._graph = graph
        self._images = images
        self._accounts = accounts
        self._site = site
        self._seal = seal

    def routes(self) -> list[Route]:
        base = "/api/v1/accounts"
        return [
            Route(
                "POST",
                base,
                self.sign_up,
                scope="write:accounts",
                auth=Auth.APP,
                params=SignUpParams,
                kind=Kind.SIGN_UP,
                quota=Quota.SIGN_UPS,
            ),
            Route("GET", base, self.several, auth=Auth.OPTIONAL, params=AccountsParams),
            Route("GET", f"{base}/verify_credentials", self.own, scope="profile read:accounts", auth=Auth.USER),
            Route(
                "PATCH",
                f"{base}/update_credentials",
                self.update,
                scope="write:accounts",
                auth=Auth.USER,
                params=ProfileParams,
                max_body=PROFILE_BODY,
                body_seconds=BODY_SECONDS,
                quota=Quota.UPLOADS,
            ),
            Route("DELETE", "/api/v1/profile/avatar", self.remove_avatar, scope="write:accounts", auth=Auth.USER),
            Route("DELETE", "/api/v1/profile/header", self.remove_header, scope="write:accounts", auth=Auth.USER),
            Route("GET", f"{base}/lookup", self.lookup, auth=Auth.OPTIONAL, params=LookupParams),
            Route("GET", base + "/{id}", self.one, auth=Auth.OPTIONAL),
            Route("GET", base + "/{id}/followers", self.followers, auth=Auth.OPTIONAL, params=ListParams),
            Route("GET", base + "/{id}/following", self.following, auth=Auth.OPTIONAL, params=ListParams),
        ]

    async def sign_up(self, request: Request, params: SignUpParams) -> bytes:
        """An account, and a token for it that works at once. One commit."""
        viewer = request.viewer
        if viewer is None or viewer.application is None:
            raise Unauthenticated(INVALID_TOKEN)
        form = SignUp(
            username=params.username,
            email=params.email,
            password=params.password,
            agreement=params.agreement,
            locale=params.locale,
            reason=params.reason or "",
        )
        application = await access_application(self._graph, viewer.application)
        joined = await sign_up(self._graph, form, application=application, seal=self._seal)
        return token(joined.granted)

    async def own(self, request: Request, params: None) -> bytes:
        """The account of the token. No engine call when cached, at most two otherwise."""
        return await self._accounts.render_own(await access_own_account(self._graph, request.account))

    async def update(self, request: Request, params: ProfileParams) -> bytes:
        """Two engine calls and a commit, or neither if nothing changes; one more commit for each picture."""
        account = await access_own_account(self._graph, request.account)
        changes = msgspec.structs.replace(
            _changes(params),
            avatar=await self._picture(account.id, params.avatar, AVATAR),
            header=await self._picture(account.id, params.header, HEADER),
        )
        return await self._accounts.render_own(await update_profile(self._graph, account, changes))

    async def remove_avatar(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit, or neither if there is none."""
        return await self._remove(request, ProfileChanges(avatar=NO_PICTURE))

    async def remove_header(self, request: Request, params: None) -> bytes:
        """Two engine calls and a commit, or neither if there is none."""
        return await self._remove(request, ProfileChanges(header=NO_PICTURE))

    async def _remove(self, request: Request, changes: ProfileChanges) -> bytes:
        account = await access_own_account(self._graph, request.account)
        return await self._accounts.render_own(await update_profile(self._graph, account, changes))

    async def _picture(self, owner: int, given: Any, kind: str) -> Picture | None:
        data = picture_bytes(given, kind)
        if data is None:
            return None
        image = await self._images.take(owner, data, kind)
        return Picture(image.id, image.value.key)

    async def one(self, request: Request, params: None) -> bytes:
        """At most two engine calls."""
        return await self._accounts.render_one(await access_account(self._graph, int(request.args["id"])))

    async def several(self, request: Request, params: AccountsParams) -> bytes:
        """Those that there are. At most two engine calls."""
        return json_list(await self._accounts.render_list(list(dict.fromkeys(params.id))))

    async def lookup(self, request: Request, params: LookupParams) -> bytes:
        """At most three engine calls."""
        found = await access_named_account(self._graph, params.acct, local_domain=self._site.domain)
        return await self._accounts.render_one(found)

    async def followers(self, request: Request, params: ListParams) -> Response:
        """At most four engine calls beside the viewer's relations."""
        return await self._people(request, params, FOLLOWED_BY)

    async def following(self, request: Request, params: ListParams) -> Response:
        """At most four engine calls beside the viewer's relations."""
        return await self._people(request, params, FOLLOWS)

    async def _people(self, request: Request, params: ListParams, list_: Association) -> Response:
        account = await access_account(self._graph, params.id)
        found = None
        if not account.value.is_suspended:
            found = await people_of(self._graph, viewer_of(request), account, list_, params.window)
        if found is None:
            return json([])
        return id_page(request, json_list(await self._accounts.render_list(found.items)), found)


def _changes(params: ProfileParams) -> ProfileChanges:
    """What is absent, or null, stays."""
    source = params.source or SourceParams()
    return ProfileChanges(
        display_name=params.display_name,
        note=params.note,
        fields=None if params.fields_attributes is None else _fields(params.fields_attributes),
        locked=params.locked,
        bot=params.bot,
        discoverable=params.discoverable,
        indexable=params.indexable,
        hide_collections=params.hide_collections,
        attribution_domains=None if params.attribution_domains is None else tuple(params.attribution_domains),
        posting_visibility=source.privacy,
        posting_sensitive=source.sensitive,
        posting_language=source.language,
        posting_quote_policy=source.quote_policy,
        posting_reply_policy=source.reply_policy,
    )


class FieldParams(msgspec.Struct):
    """A line of a profile."""

    name: str = ""
    value: str = ""


def _fields(given: Any) -> tuple[Field, ...]:
    """The lines of a profile: a list, or an object whose keys are their places."""
    try:
        if isinstance(given, dict):
            given = [given[key] for key in sorted(given, key=int)]
        lines = msgspec.convert(given, list[FieldParams], strict=False)
    except ValueError:
        raise Invalid("Validation failed: Fields are malformed") from None
    return tuple(Field(line.name.strip(), line.value.strip()) for line in lines)
