"""Mastodon.py for tests: each call is noted, and what it returns is held to the library's own types."""

from __future__ import annotations

import secrets
import time
import types
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tests.api.client import PASSWORD, SCOPES
from tests.clients.quiet import quietly
from tests.server import PATIENCE, Server

with quietly():
    from mastodon import Mastodon, MastodonServiceUnavailableError
    from mastodon.return_types import FilterV2, Tag
    from mastodon.types_base import AttribAccessDict, NonPaginatableList

METHODS = frozenset(name for name in dir(Mastodon) if not name.startswith("_") and callable(getattr(Mastodon, name)))
"""All public methods of the library's client."""

_NO_COLLECTIONS = "part of collections and profile pages (Mastodon 4.6), which the server does not claim"

_OF_A_POST = "the application of a post has a name and a website alone"

LEFT_OUT = {
    "Application.id": _OF_A_POST,
    "Application.redirect_uri": _OF_A_POST,
    "Application.redirect_uris": _OF_A_POST,
    "Application.scopes": _OF_A_POST,
    "Application.vapid_key": _OF_A_POST,
    "Account.feature_approval": _NO_COLLECTIONS,
    "Account.show_featured": _NO_COLLECTIONS,
    "Account.show_media": _NO_COLLECTIONS,
    "Account.show_media_replies": _NO_COLLECTIONS,
    "InstanceAccountConfiguration.max_avatar_description_length": _NO_COLLECTIONS,
    "InstanceAccountConfiguration.max_display_name_length": _NO_COLLECTIONS,
    "InstanceAccountConfiguration.max_header_description_length": _NO_COLLECTIONS,
    "InstanceAccountConfiguration.max_note_length": _NO_COLLECTIONS,
    "InstanceThumbnail.description": _NO_COLLECTIONS,
    "Report.rules_ids": "`rule_ids` in the API, and null where no rule was named",
    "Role.collection_limit": _NO_COLLECTIONS,
    "SearchV2.collections": _NO_COLLECTIONS,
    "Status.tagged_collections": _NO_COLLECTIONS,
    "ExtendedDescription.updated_at": "null where nobody has written one",
    "Filter.irreversible": "only in version 1, whose type the library takes for both",
    "Filter.phrase": "only in version 1, whose type the library takes for both",
    "Filter.whole_word": "only in version 1, whose type the library takes for both",
    "FilterV2.keywords": "told where filters are listed, not with each post that matches",
    "FilterV2.statuses": "told where filters are listed, not with each post that matches",
    "Instance.contact_account": "null where no account is named, as the documentation allows",
    "InstanceContact.account": "null where no account is named, as the documentation allows",
    "NodeinfoUsage.localPosts": "numbers that the protocol leaves to the server; this one counts nobody",
    "NodeinfoUsageUsers.activeHalfyear": "numbers that the protocol leaves to the server; this one counts nobody",
    "NodeinfoUsageUsers.activeMonth": "numbers that the protocol leaves to the server; this one counts nobody",
    "NodeinfoUsageUsers.total": "numbers that the protocol leaves to the server; this one counts nobody",
}
"""Fields, by entity, that may be nothing although the library says that they never are, and why."""

RETURNS: dict[str, Any] = {
    "featured_tag_suggestions": NonPaginatableList[Tag],
    "filter_v2": FilterV2,
    "filter_delete": Any,
}
"""What these methods return, where the library's annotation is wrong."""


def patiently(method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a method; where the server says that it has too much to do, having done nothing, it is asked again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with quietly():
                return method(*arguments, **named)
        except MastodonServiceUnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


class Client:
    """A `Mastodon` of somebody: passes each call on, notes it in `used`, and checks what it returns."""

    def __init__(self, inner: Mastodon, used: set[str]) -> None:
        self.inner = inner
        self._used = used

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name not in METHODS:
            return method

        def called(*arguments: Any, **named: Any) -> Any:
            returned = patiently(method, *arguments, **named)
            wrong = deviations(returned, _returned_by(name), name)
            assert not wrong, wrong
            self._used.add(name)
            return returned

        return called


Join = Callable[[str], Client]


def application(server: Server) -> Mastodon:
    """A client of a new application, which nobody has let in."""
    id_, secret = patiently(Mastodon.create_app, "clients", scopes=SCOPES.split(), api_base_url=server.url)
    return Mastodon(client_id=id_, client_secret=secret, api_base_url=server.url)


def joined(server: Server, name: str, used: set[str]) -> Client:
    """A client of somebody who has just signed up with it."""
    username = f"{name}_{secrets.token_hex(4)}"
    inner = application(server)
    token = patiently(
        inner.create_account,
        username,
        PASSWORD,
        f"{username}@example.org",
        agreement=True,
        locale="en",
        scopes=SCOPES.split(),
    )
    assert inner.access_token == token
    return Client(inner, used)


@cache
def _returned_by(method: str) -> Any:
    return RETURNS.get(method) or get_type_hints(getattr(Mastodon, method)).get("return", Any)


@cache
def _fields_of(entity: type) -> dict[str, Any]:
    return get_type_hints(entity)


def deviations(value: Any, hint: Any, where: str) -> list[str]:
    """What in a value is not as its type says, by place: fields that are nothing, and those of another type.

    Which class a list or an entity has is the library's own affair; its items and fields are looked at.
    """
    if hint is Any or isinstance(hint, TypeVar):
        return []
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        tried = [deviations(value, one, where) for one in arguments]
        return [] if [] in tried else min(tried, key=len)
    if hint in {None, type(None)}:
        # Where nothing is promised the library hands on the server's empty object.
        return [] if value is None or value == {} else [f"{where}: {value!r} where nothing was expected"]
    kind = origin or hint
    if not isinstance(kind, type):
        return []
    if issubclass(kind, AttribAccessDict) and isinstance(value, AttribAccessDict):
        return [
            wrong
            for field, of in _fields_of(kind).items()
            if f"{kind.__name__}.{field}" not in LEFT_OUT and not field.startswith("_")
            for wrong in deviations(value.get(field), of, f"{where} {kind.__name__}.{field}")
        ]
    if issubclass(kind, list) and isinstance(value, list):
        return [wrong for item in value for wrong in deviations(item, (*arguments, Any)[0], where)]
    if isinstance(value, (int, float) if kind is float else kind):
        return []
    return [f"{where}: {value!r:.200} is no {kind.__name__}"]
