"""What this server is and can do, and the lists that clients ask for at their start."""

from typing import Any

import msgspec

from ripstop.domain.accounts.access import access_own_account
from ripstop.domain.settings import Settings, settings_of
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Handler, Route
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.instance import about, effective_date, instance_v1, instance_v2, rules, terms
from ripstop.surfaces.mastodon.site import Site

_JSON = msgspec.json.Encoder()


class Instance:
    """Handlers that tell of the server itself. What they need is mostly cached: see `settings_of`."""

    def __init__(self, graph: Graph, accounts: AccountPresenter, site: Site) -> None:
        self._graph = graph
        self._accounts = accounts
        self._site = site
        self._rendered: tuple[Settings, bytes | None, bytes, bytes] | None = None

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/instance", self.first),
            Route("GET", "/api/v2/instance", self.second),
            Route("GET", "/api/v1/instance/rules", self.rules),
            Route("GET", "/api/v1/instance/extended_description", self.description),
            Route("GET", "/api/v1/instance/privacy_policy", self.privacy_policy),
            Route("GET", "/api/v1/instance/terms_of_service", self.terms),
            Route("GET", "/api/v1/instance/terms_of_service/{date}", self.terms),
            Route("GET", "/api/v1/instance/peers", _nothing),
            Route("GET", "/api/v1/instance/activity", _nothing),
            Route("GET", "/api/v1/instance/domain_blocks", _nothing),
            Route("GET", "/api/v1/custom_emojis", _nothing),
            *(Route("GET", f"/api/v1/trends{kind}", _nothing) for kind in ("", "/tags", "/statuses", "/links")),
            Route("GET", "/api/v1/preferences", self.preferences, scope="read:accounts", auth=Auth.USER),
            _empty("/api/v1/announcements", None),
            _empty("/api/v1/scheduled_statuses", "read:statuses"),
        ]

    async def first(self, request: Request, params: None) -> bytes:
        """At most three engine calls."""
        return (await self._both())[2]

    async def second(self, request: Request, params: None) -> bytes:
        """At most three engine calls."""
        return (await self._both())[3]

    async def _both(self) -> tuple[Settings, bytes | None, bytes, bytes]:
        """The settings, who answers questions, and both versions as they follow from these; rendered once for each
        state of them."""
        settings = await settings_of(self._graph)
        contact = None
        if settings.contact_account is not None:
            contact = (await self._accounts.cards([settings.contact_account])).get(settings.contact_account)
        if self._rendered is None or self._rendered[0] is not settings or self._rendered[1] != contact:
            first, second = (make(self._site, settings, contact) for make in (instance_v1, instance_v2))
            self._rendered = (settings, contact, _JSON.encode(first), _JSON.encode(second))
        return self._rendered

    async def rules(self, request: Request, params: None) -> Response:
        """The rules of this server. At most one engine call."""
        return json(rules(await settings_of(self._graph)))

    async def description(self, request: Request, params: None) -> Response:
        """What this server is, at length. At most one engine call."""
        settings = await settings_of(self._graph)
        text = settings.extended_description or self._site.named(settings).description
        return json(about(text, settings, self._site.origin))

    async def privacy_policy(self, request: Request, params: None) -> Response:
        """What this server does with what it knows of people. At most one engine call."""
        settings = await settings_of(self._graph)
        return json(about(settings.privacy_policy, settings, self._site.origin))

    async def terms(self, request: Request, params: None) -> Response:
        """What people agree to who use this server; of a date, if they hold since then. At most one engine call.

        :raises NotFound: there are none, or none of that date are kept.
        """
        settings = await settings_of(self._graph)
        if not settings.terms_of_service or request.args.get("date") not in (None, effective_date(settings)):
            raise NotFound("Record not found")
        return json(terms(settings, self._site.origin))

    async def preferences(self, request: Request, params: None) -> Response:
        """The viewer's defaults, under the names that Mastodon gives them."""
        account = (await access_own_account(self._graph, request.account)).value
        return json(
            {
                "posting:default:visibility": account.posting_visibility,
                "posting:default:sensitive": account.posting_sensitive,
                "posting:default:language": account.posting_language,
                "posting:default:quote_policy": account.posting_quote_policy,
                "posting:default:reply_policy": account.posting_reply_policy,
                "reading:expand:media": "default",
                "reading:expand:spoilers": False,
                "reading:autoplay:gifs": False,
            }
        )


async def _nothing(request: Request, params: Any) -> bytes:
    """A list that is empty, since there is nothing of the kind on this server."""
    return b"[]"


def _empty(path: str, scope: str | None) -> Route:
    handler: Handler = _nothing
    return Route("GET", path, handler, scope=scope, auth=Auth.USER)
