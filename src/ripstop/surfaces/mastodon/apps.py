"""Registering applications: `/api/v1/apps`."""

import msgspec

from ripstop.domain.accounts.access import access_application
from ripstop.domain.accounts.applications import register_application
from ripstop.domain.accounts.scopes import DEFAULT_SCOPES, parse_scopes
from ripstop.kernel.errors import Unauthenticated
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.errors import INVALID_TOKEN
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Kind, Route
from ripstop.surfaces.mastodon.present.application import application_fields, credential_application_fields
from ripstop.surfaces.mastodon.site import Site


class AppParams(msgspec.Struct, kw_only=True):
    """An application that introduces itself. Several redirect URIs come as a list, or as lines of one text."""

    client_name: str = ""
    redirect_uris: list[str] = []
    scopes: str = ""
    website: str | None = None


class Apps:
    """Handlers of applications that introduce themselves."""

    def __init__(self, graph: Graph, site: Site) -> None:
        self._graph = graph
        self._site = site

    def routes(self) -> list[Route]:
        # What a newcomer's app must ask before it can sign them up counts as a part of it.
        return [
            Route("POST", "/api/v1/apps", self.register, params=AppParams, kind=Kind.SIGN_UP),
            Route("GET", "/api/v1/apps/verify_credentials", self.verify, auth=Auth.APP),
        ]

    async def register(self, request: Request, params: AppParams) -> Response:
        """One commit."""
        registered = await register_application(
            self._graph,
            name=params.client_name,
            redirect_uris=[uri for text in params.redirect_uris for uri in text.split()],
            scopes=parse_scopes(params.scopes) or DEFAULT_SCOPES,
            website=params.website or None,
        )
        site = self._site
        fields = credential_application_fields(registered.id, registered.application, registered.secret, site.vapid_key)
        return json(fields)

    async def verify(self, request: Request, params: None) -> Response:
        """The application of the token."""
        viewer = request.viewer
        if viewer is None or viewer.application is None:
            raise Unauthenticated(INVALID_TOKEN)
        application = await access_application(self._graph, viewer.application)
        return json(application_fields(application.id, application.value, self._site.vapid_key))
