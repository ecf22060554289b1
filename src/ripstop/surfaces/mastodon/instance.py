"""What this server is and can do, and the lists that clients ask for at their start."""

from typing import Any

import msgspec

from ripstop.domain.accounts.access import access_own_account
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Handler, Route
from ripstop.surfaces.mastodon.present.instance import instance_v1, instance_v2
from ripstop.surfaces.mastodon.site import Site

_JSON = msgspec.json.Encoder()


class Instance:
    """Handlers that tell of the server itself. Nothing here asks the store, but the preferences."""

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph = graph
        self._v1 = _JSON.encode(instance_v1(site))
        self._v2 = _JSON.encode(instance_v2(site))

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/v1/instance", self.first),
            Route("GET", "/api/v2/instance", self.second),
            Route("GET", "/api/v1/instance/rules", _nothing),
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
        return self._v1

    async def second(self, request: Request, params: None) -> bytes:
        return self._v2

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
