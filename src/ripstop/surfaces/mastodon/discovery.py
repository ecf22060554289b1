"""How others find out who lives here and what this server is: WebFinger, NodeInfo, host-meta.

Only what is there is told. As long as the server does not federate, accounts have no link to an actor and the list
of protocols is empty.
"""

from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

import msgspec

from ripstop.domain.accounts.access import access_named_account
from ripstop.domain.settings import Settings, settings_of
from ripstop.kernel.errors import BadRequest, NotFound
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import TEXT_HEADERS, Headers, Response
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.present.account import account_fields
from ripstop.surfaces.mastodon.site import Site

CHANGE_PASSWORD = "/auth/edit"  # noqa: S105 - the address of a page, no secret

_PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
_AVATAR = "http://webfinger.net/rel/avatar"
_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"
_NODEINFO_VERSIONS = ("2.0", "2.1")
_PUBLIC = "max-age=3600, public"

_JSON = msgspec.json.Encoder()


class WebFingerParams(msgspec.Struct, kw_only=True):
    """Who is looked for, and which links are wanted. Either may come again, so that the query is read itself."""

    resource: str = ""
    rel: str | None = None


class Discovery:
    """Handlers of what lies under well-known paths. WebFinger asks the store, and NodeInfo for the settings."""

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph = graph
        self._site = site

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/.well-known/webfinger", self.webfinger, params=WebFingerParams),
            Route("GET", "/.well-known/nodeinfo", self.nodeinfo_links),
            Route("GET", "/nodeinfo/{version}", self.nodeinfo),
            Route("GET", "/.well-known/host-meta", self.host_meta),
            Route("GET", "/.well-known/host-meta.json", self.host_meta_json),
            Route("GET", "/.well-known/change-password", self.change_password),
        ]

    async def webfinger(self, request: Request, params: WebFingerParams) -> Response:
        """Who goes by `acct:alice@domain` or by the address of a profile (RFC 7033). At most two engine calls.

        :raises BadRequest: no resource is named.
        :raises NotFound: there is nobody of this name here.
        """
        resources = [value for name, value in request.query if name == "resource"]
        if len(resources) != 1 or not resources[0]:
            raise BadRequest("Name one resource")
        username = self._username(resources[0])
        account = await access_named_account(self._graph, username, local_domain=self._site.domain)
        if account.value.is_suspended:
            raise NotFound("There is nobody of this name here")
        fields, avatar = account_fields(account.id, account.value, self._site.origin), account.value.avatar
        links = [
            {"rel": _PROFILE_PAGE, "type": "text/html", "href": fields["url"]},
            {"rel": _AVATAR, "type": "image/png" if avatar is None else "image/webp", "href": fields["avatar"]},
        ]
        wanted = {value for name, value in request.query if name == "rel"}
        document = {
            "subject": f"acct:{account.value.username}@{self._site.domain}",
            "aliases": [fields["url"], fields["uri"]],
            "links": [link for link in links if not wanted or link["rel"] in wanted],
        }
        return _answer(_JSON.encode(document), "application/jrd+json; charset=utf-8")

    def _username(self, resource: str) -> str:
        """The user name that a resource stands for.

        :raises NotFound: it stands for nothing here.
        """
        if resource.startswith(("https://", "http://")):
            return self._username_of_address(resource)
        username, _, domain = resource.removeprefix("acct:").removeprefix("@").rpartition("@")
        if domain.lower() != self._site.domain.lower() or not username or "@" in username:
            raise NotFound("There is nobody of this name here")
        return username

    def _username_of_address(self, address: str) -> str:
        try:
            parts = urlsplit(address)
        except ValueError:
            raise NotFound("There is nobody at this address") from None
        path = parts.path.rstrip("/")
        for beginning in ("/@", "/users/"):
            username = path.removeprefix(beginning)
            if path.startswith(beginning) and username and not set(username) & set("@/"):
                if parts.netloc.lower() != self._site.domain.lower():
                    break
                return username
        raise NotFound("There is nobody at this address")

    async def nodeinfo_links(self, request: Request, params: None) -> Response:
        """Where to find the documents below."""
        links = [
            {"rel": _SCHEMA + version, "href": f"{self._site.origin}/nodeinfo/{version}"}
            for version in _NODEINFO_VERSIONS
        ]
        return _answer(_JSON.encode({"links": links}), "application/json; charset=utf-8")

    async def nodeinfo(self, request: Request, params: None) -> Response:
        """What this server is. At most one engine call.

        :raises NotFound: not in this version of the schema.
        """
        version = str(request.args["version"]).removesuffix(".json")
        if version not in _NODEINFO_VERSIONS:
            raise NotFound("There is no such version of the document")
        settings = await settings_of(self._graph)
        body = _JSON.encode(_nodeinfo(self._site.named(settings), version, settings))
        return _answer(body, f'application/json; profile="{_SCHEMA}{version}#"; charset=utf-8')

    async def host_meta(self, request: Request, params: None) -> Response:
        """Where WebFinger is, as XML (RFC 6415); as JSON for those who accept that."""
        if "application/json" in (request.header("accept") or ""):
            return await self.host_meta_json(request, params)
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
            f'  <Link rel="lrdd" template={quoteattr(self._webfinger_template)}/>\n'
            "</XRD>\n"
        )
        return _answer(body.encode(), "application/xrd+xml; charset=utf-8", ("vary", "Accept"))

    async def host_meta_json(self, request: Request, params: None) -> Response:
        """The same as JSON (RFC 6415, appendix A)."""
        body = {"links": [{"rel": "lrdd", "template": self._webfinger_template}]}
        return _answer(_JSON.encode(body), "application/json; charset=utf-8", ("vary", "Accept"))

    async def change_password(self, request: Request, params: None) -> Response:
        """Where password managers send those who should change theirs (the W3C's well-known URL)."""
        return Response(b"", 302, [*TEXT_HEADERS, ("location", self._site.origin + CHANGE_PASSWORD)])

    @property
    def _webfinger_template(self) -> str:
        return f"{self._site.origin}/.well-known/webfinger?resource={{uri}}"


def _nodeinfo(site: Site, version: str, settings: Settings) -> dict[str, object]:
    """What can be said without counting: how many people and posts there are is left out."""
    return {
        "version": version,
        "software": {"name": "ripstop", "version": site.version},
        "protocols": [],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": settings.registrations,
        "usage": {"users": {}},
        "metadata": {"nodeName": site.title, "nodeDescription": site.description},
    }


def _answer(body: bytes, content_type: str, *extra: tuple[str, str]) -> Response:
    headers: Headers = [
        ("content-type", content_type),
        ("server", "Ripstop"),
        ("x-content-type-options", "nosniff"),
        ("access-control-allow-origin", "*"),
        ("cache-control", _PUBLIC),
        *extra,
    ]
    return Response(body, 200, headers)
