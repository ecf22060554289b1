"""Settings: the profile, what others may know of it, and whom its owner lets near."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ripstop.domain.accounts.actions import ProfileChanges, update_profile
from ripstop.domain.accounts.check import MAX_DISPLAY_NAME, MAX_FIELDS, MAX_NOTE
from ripstop.domain.accounts.model import NO_PICTURE, Field, Picture
from ripstop.domain.feeds.rows import cursors, read_rows
from ripstop.domain.follows.model import BLOCKS, MUTES, REQUESTED_BY
from ripstop.domain.media.actions import Images
from ripstop.domain.media.model import AVATAR, HEADER, LARGE, SMALL, media_path
from ripstop.domain.viewing.people import asking_among
from ripstop.kernel.errors import Conflict, Invalid, TooManyRequests
from ripstop.machinery.graph import Association, Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Quota, Route
from ripstop.surfaces.mastodon.paging import ListParams
from ripstop.surfaces.mastodon.pictures import BODY_SECONDS, PROFILE_BODY, File, picture_bytes
from ripstop.surfaces.web.cards import faces_of
from ripstop.surfaces.web.forms import sentences_of
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, older, sentences

PROFILE, PRIVACY = "/settings/profile", "/settings/privacy"


class SavedParams(msgspec.Struct, kw_only=True):
    """`saved` after something was."""

    saved: bool = False


class ProfileParams(msgspec.Struct, kw_only=True):
    """What the profile is to say. A browser sends only set ticks."""

    display_name: str = ""
    note: str = ""
    names: list[str] = []
    values: list[str] = []
    bot: bool = False
    avatar: File = None
    header: File = None
    no_avatar: bool = False
    no_header: bool = False
    proof: str = ""


class PrivacyParams(msgspec.Struct, kw_only=True):
    """What others may know, and do. A browser sends only set ticks."""

    locked: bool = False
    discoverable: bool = False
    indexable: bool = False
    hide_collections: bool = False
    proof: str = ""


class Settings:
    """Handlers of settings."""

    def __init__(self, graph: Graph, shell: Shell, images: Images) -> None:
        self._graph = graph
        self._shell = shell
        self._images = images

    def routes(self) -> list[Route]:
        own, act = self._shell.own, self._shell.act
        return [
            Route("GET", PROFILE, own(self.profile), params=SavedParams),
            Route(
                "POST",
                PROFILE,
                act(self.save_profile),
                params=ProfileParams,
                max_body=PROFILE_BODY,
                body_seconds=BODY_SECONDS,
            ),
            Route("GET", PRIVACY, own(self.privacy), params=SavedParams),
            Route("POST", PRIVACY, act(self.save_privacy), params=PrivacyParams),
            Route("GET", "/settings/requests", own(self.requests), params=ListParams),
            Route("GET", "/settings/blocks", own(self.blocks), params=ListParams),
            Route("GET", "/settings/mutes", own(self.mutes), params=ListParams),
        ]

    async def profile(self, request: Request, params: SavedParams, reader: Reader) -> Answer:
        """The form with what the profile says."""
        account = reader.account.value
        form = ProfileParams(
            display_name=account.display_name,
            note=account.note,
            names=[field.name for field in account.fields],
            values=[field.value for field in account.fields],
            bot=account.bot,
        )
        return _profile_page(reader, form, saved=params.saved)

    async def save_profile(self, request: Request, params: ProfileParams, reader: Reader) -> Answer:
        """Two engine calls and a commit, or neither if nothing changes; one more commit for each picture."""
        pairs = zip(params.names, params.values, strict=False)
        fields = [Field(name.strip(), value.strip()) for name, value in pairs if name.strip() or value.strip()]
        try:
            changes = ProfileChanges(
                display_name=params.display_name,
                note=params.note,
                fields=tuple(fields),
                bot=params.bot,
                avatar=await self._picture(request, reader, params.avatar, AVATAR, remove=params.no_avatar),
                header=await self._picture(request, reader, params.header, HEADER, remove=params.no_header),
            )
            await update_profile(self._graph, reader.account, changes)
        except (Invalid, Conflict, TooManyRequests) as error:
            return _profile_page(reader, params, sentences_of(error), status=error.status)
        return lead(f"{request.origin}{PROFILE}?saved=true")

    async def privacy(self, request: Request, params: SavedParams, reader: Reader) -> Answer:
        """The form with what holds."""
        return Shown("privacy.html", {"account": reader.account.value, "saved": params.saved})

    async def save_privacy(self, request: Request, params: PrivacyParams, reader: Reader) -> Answer:
        """At most two engine calls and a commit."""
        changes = ProfileChanges(
            locked=params.locked,
            discoverable=params.discoverable,
            indexable=params.indexable,
            hide_collections=params.hide_collections,
        )
        await update_profile(self._graph, reader.account, changes)
        return lead(f"{request.origin}{PRIVACY}?saved=true")

    async def requests(self, request: Request, params: ListParams, reader: Reader) -> Answer:
        """Who asks to follow, but for those whom the reader blocks."""
        actions = (("accept", "Let follow"), ("reject", "Refuse"))
        title = "Who asks to follow you"
        return await self._people(request, params, reader, REQUESTED_BY, title, actions)

    async def blocks(self, request: Request, params: ListParams, reader: Reader) -> Answer:
        """Whom the reader blocks."""
        return await self._people(request, params, reader, BLOCKS, "Whom you block", (("unblock", "Unblock"),))

    async def mutes(self, request: Request, params: ListParams, reader: Reader) -> Answer:
        """Whom the reader mutes."""
        return await self._people(request, params, reader, MUTES, "Whom you mute", (("unmute", "Unmute"),))

    async def _people(
        self,
        request: Request,
        params: ListParams,
        reader: Reader,
        list_: Association,
        title: str,
        actions: Sequence[tuple[str, str]],
    ) -> Answer:
        """At most three engine calls."""
        rows = await read_rows(self._graph, reader.id, list_, params.window)
        next_max_id, _ = cursors(rows, params.window)
        people = [row.target for row in rows]
        if list_ is REQUESTED_BY:
            people = await asking_among(self._graph, reader.id, people)
        context = {
            "title": title,
            "people": await faces_of(self._graph, people),
            "older": older(request, next_max_id),
            "empty": "Nobody.",
            "actions": actions,
        }
        return Shown("settings_people.html", context)

    async def _picture(
        self, request: Request, reader: Reader, given: Any, kind: str, *, remove: bool
    ) -> Picture | None:
        """The picture that is wanted; None leaves the one that there is."""
        data = picture_bytes(given, kind)
        if data is None:
            return NO_PICTURE if remove else None
        self._shell.count_dear(request, Quota.UPLOADS, reader)
        image = await self._images.take(reader.id, data, kind)
        return Picture(image.id, image.value.key)


def _profile_page(
    reader: Reader, form: ProfileParams, problems: Sequence[str] = (), *, status: int = 200, saved: bool = False
) -> Shown:
    account = reader.account.value
    lines = [*zip(form.names, form.values, strict=False), *[("", "")] * MAX_FIELDS][:MAX_FIELDS]
    context = {
        "form": form,
        "lines": lines,
        "avatar": "" if account.avatar is None else media_path(account.avatar.key, SMALL),
        "header": "" if account.header is None else media_path(account.header.key, LARGE),
        "most_name": MAX_DISPLAY_NAME,
        "most_note": MAX_NOTE,
        "problems": sentences(problems),
        "saved": saved,
    }
    return Shown("settings_profile.html", context, status)
