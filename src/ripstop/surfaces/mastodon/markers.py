"""How far the viewer has read."""

from collections.abc import Iterable

import msgspec

from ripstop.domain.accounts.markers import Marker, markers, set_markers
from ripstop.machinery.graph import Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route
from ripstop.surfaces.mastodon.present.instants import instant


class MarkersParams(msgspec.Struct, kw_only=True):
    """Which markers; names that this server does not know match nothing."""

    timeline: list[str] = []


class Place(msgspec.Struct, kw_only=True):
    """Up to where."""

    last_read_id: Id


class SetMarkersParams(msgspec.Struct, kw_only=True):
    """What was read up to where."""

    home: Place | None = None
    notifications: Place | None = None


class Markers:
    """Handlers of markers."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def routes(self) -> list[Route]:
        path = "/api/v1/markers"
        return [
            Route("GET", path, self.read, scope="read:statuses", auth=Auth.USER, params=MarkersParams),
            Route("POST", path, self.write, scope="write:statuses", auth=Auth.USER, params=SetMarkersParams),
        ]

    async def read(self, request: Request, params: MarkersParams) -> Response:
        """One engine call."""
        return _answer(await markers(self._graph, request.account, params.timeline))

    async def write(self, request: Request, params: SetMarkersParams) -> Response:
        """One engine call and a commit."""
        given = {"home": params.home, "notifications": params.notifications}
        places = {name: place.last_read_id for name, place in given.items() if place is not None}
        if not places:
            return empty()
        return _answer(await set_markers(self._graph, request.account, places))


def _answer(found: Iterable[Marker]) -> Response:
    return json(
        {
            marker.name: {
                "last_read_id": str(marker.last_read),
                "version": marker.version,
                "updated_at": instant(marker.updated_at),
            }
            for marker in found
        }
    )
