"""The Account entity, as bytes, and its longer form for its owner.

What follows from the profile is rendered once for each version of it, what follows from the counts once for each state
of these; an account is the two put together.
"""

from collections.abc import Collection, Sequence

import msgspec

from ripstop.domain.accounts.model import ACCOUNT, Account, Picture
from ripstop.domain.follows.model import FOLLOWED_BY, FOLLOWS, REQUESTED_BY
from ripstop.domain.media.model import LARGE, media_path
from ripstop.domain.posts.model import POSTED
from ripstop.domain.text import render, render_line
from ripstop.kernel.ids import time_ms
from ripstop.machinery.graph import Entry, Graph, Tally, TypeSet
from ripstop.surfaces.mastodon.present.instants import day, instant
from ripstop.surfaces.mastodon.present.role import role_fields, shown_roles

COUNTS = TypeSet(FOLLOWED_BY, FOLLOWS, POSTED)
ASKED = TypeSet(REQUESTED_BY)

AVATAR = "/avatars/original/missing.png"
HEADER = "/headers/original/missing.png"
"""Pictures of those who have none. Clients know these paths, and draw something of their own instead."""


def muted_account(card: bytes, until: int | None) -> bytes:
    """A MutedAccount: an Account, and when the mute ends, in milliseconds since the epoch."""
    ends = b"null" if until is None else b'"%b"' % instant(until).encode()
    return b'%b,"mute_expires_at":%b}' % (card[:-1], ends)


class AccountPresenter:
    """Renders accounts.

    :param origin: the server's public URL, without a slash at the end.
    """

    def __init__(self, graph: Graph, *, origin: str) -> None:
        self._graph = graph
        self._origin = origin

    async def cards(self, ids: Collection[int], *, for_staff: bool = False) -> dict[int, bytes]:
        """An Account for each id that is there and not suspended. At most two engine calls, whatever their number.

        :param for_staff: of those who wait to be let in as well.
        """
        accounts = await self._graph.get_many(ACCOUNT, ids)
        tallies = await self._graph.tallies(accounts.keys(), COUNTS)
        return {
            id_: tallies[id_].rendered.get(entry.version) or self._whole(entry, tallies[id_])
            for id_, entry in accounts.items()
            if entry.value.suspended_at is None and (for_staff or not entry.value.pending)
        }

    async def render_list(self, ids: Sequence[int]) -> list[bytes]:
        """Accounts in this order; those that are gone or suspended are left out. At most two engine calls."""
        cards = await self.cards(ids)
        return [cards[id_] for id_ in ids if id_ in cards]

    async def render_one(self, account: Entry[Account]) -> bytes:
        """One Account; of a suspended one hardly more than its name. At most one engine call."""
        if account.value.is_suspended:
            return msgspec.json.encode(suspended_fields(account.id, account.value, self._origin))
        return self._card(account) + await self._counts_of(account) + b"}"

    async def render_own(self, account: Entry[Account]) -> bytes:
        """A CredentialAccount: what the owner sees of it. At most one engine call, and for a locked one two."""
        own = account.rendered.get("own")
        if own is None:
            fields = {"role": role_fields(account.value.role), "source": _source(account.value)}
            own = self._graph.keep_rendered(account, "own", b"," + msgspec.json.encode(fields)[1:-2])
        asked = 0
        if account.value.locked:  # others are not asked, or no longer than it takes to accept what waited
            asked = (await self._graph.tallies((account.id,), ASKED))[account.id].counts[0].length
        requests = f',"follow_requests_count":{asked}}}}}'.encode()
        return self._card(account) + await self._counts_of(account) + own + requests

    def _card(self, account: Entry[Account]) -> bytes:
        """Everything but the counts, open at its end."""
        card = account.rendered.get("account")
        if card is None:
            fields = account_fields(account.id, account.value, self._origin)
            card = self._graph.keep_rendered(account, "account", msgspec.json.encode(fields)[:-1])
        return card

    async def _counts_of(self, account: Entry[Account]) -> bytes:
        return self._counts((await self._graph.tallies((account.id,), COUNTS))[account.id])

    def _whole(self, account: Entry[Account], tally: Tally) -> bytes:
        """An Account, kept with the counts under the version of the profile."""
        return self._graph.keep_rendered(tally, account.version, self._card(account) + self._counts(tally) + b"}")

    def _counts(self, tally: Tally) -> bytes:
        counts = tally.rendered.get("account")
        if counts is None:
            followers, following, posts = tally.counts
            last = f'"{day(time_ms(posts.newest))}"' if posts.length else "null"
            text = (
                f',"followers_count":{followers.length},"following_count":{following.length}'
                f',"statuses_count":{posts.length},"last_status_at":{last}'
            )
            counts = self._graph.keep_rendered(tally, "account", text.encode())
        return counts


def picture_url(origin: str, picture: Picture | None) -> str:
    """Where a picture of a profile is; empty where there is none."""
    return "" if picture is None else origin + media_path(picture.key, LARGE)


def account_fields(id_: int, account: Account, origin: str) -> dict[str, object]:
    """Everything of an Account that follows from the profile alone."""
    limited = {} if account.limited_at is None else {"limited": True}
    avatar = picture_url(origin, account.avatar) or origin + AVATAR
    header = picture_url(origin, account.header) or origin + HEADER
    return {
        "id": str(id_),
        "username": account.username,
        "acct": account.acct,
        "display_name": account.display_name,
        "locked": account.locked,
        "bot": account.bot,
        "discoverable": account.discoverable,
        "indexable": account.indexable,
        "group": False,
        "created_at": f"{day(account.created_at)}T00:00:00.000Z",
        "note": render(account.note, origin=origin, person=_nobody),
        "url": f"{origin}/@{account.acct}",
        "uri": f"{origin}/users/{account.username}",
        "avatar": avatar,
        "avatar_static": avatar,
        "avatar_description": "",
        "header": header,
        "header_static": header,
        "header_description": "",
        "hide_collections": account.hide_collections,
        "noindex": not account.indexable,
        "moved": None,
        "emojis": [],
        "roles": shown_roles(account.role),
        "fields": [
            {
                "name": field.name,
                "value": render_line(field.value, origin=origin, person=_nobody),
                "verified_at": None,
            }
            for field in account.fields
        ],
        **limited,
    }


def suspended_fields(id_: int, account: Account, origin: str) -> dict[str, object]:
    """The Account of somebody who is suspended: that it is, and what it is called."""
    bare = Account(username=account.username, domain=account.domain, created_at=account.created_at)
    return {
        **account_fields(id_, bare, origin),
        "suspended": True,
        "followers_count": 0,
        "following_count": 0,
        "statuses_count": 0,
        "last_status_at": None,
    }


def _source(account: Account) -> dict[str, object]:
    """What the owner wrote and chose, as it is edited; without the count of requests, which changes by itself."""
    return {
        "privacy": account.posting_visibility,
        "sensitive": account.posting_sensitive,
        "language": account.posting_language,
        "quote_policy": account.posting_quote_policy,
        "reply_policy": account.posting_reply_policy,
        "note": account.note,
        "fields": [{"name": field.name, "value": field.value, "verified_at": None} for field in account.fields],
        "hide_collections": account.hide_collections,
        "discoverable": account.discoverable,
        "indexable": account.indexable,
        "attribution_domains": account.attribution_domains,
    }


def _nobody(handle: str) -> None:
    """Profiles name people in plain text: nobody is told of it, so nobody is looked up for it."""
    del handle
