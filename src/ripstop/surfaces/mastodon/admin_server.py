"""How the server is, and its background functions, for programs of the staff. No part of the API of Mastodon."""

from typing import Annotated

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.authority import Staff, access_staff
from ripstop.domain.moderation.queues import Queues
from ripstop.machinery.functions.dead import DeadCall
from ripstop.machinery.graph import Graph
from ripstop.surfaces.condition.condition import Condition
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, json
from ripstop.surfaces.http.routing import Auth, Route

BASE = "/api/ripstop/v1/admin"
READ, WRITE = "admin:read", "admin:write"

Positive = Annotated[float, msgspec.Meta(gt=0)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class NamespaceParams(msgspec.Struct, kw_only=True):
    """Which function, and if it is only for a tenant or another server, which one."""

    name: str
    namespace: str = ""


class LimitParams(msgspec.Struct, kw_only=True):
    """How many calls may start in a second, over all workers, and run at once in one; what is absent is as declared."""

    name: str
    rate: Positive | None = None
    concurrency: AtLeastOne | None = None


class CallParams(msgspec.Struct, kw_only=True):
    """Which dead call of the function; none: all."""

    name: str
    call: Id | None = None


class AdminServer:
    """Handlers of these. Every one asks for the role of whoever asks, whatever the token allows."""

    def __init__(self, graph: Graph, queues: Queues, condition: Condition) -> None:
        self._graph = graph
        self._queues = queues
        self._condition = condition

    def routes(self) -> list[Route]:
        functions, user = f"{BASE}/functions", Auth.USER
        one = functions + "/{name}"
        return [
            Route("GET", f"{BASE}/health", self.health, scope=READ, auth=user),
            Route("GET", functions, self.functions, scope=READ, auth=user),
            Route("GET", one, self.function, scope=READ, auth=user),
            Route("POST", f"{one}/pause", self.pause, scope=WRITE, auth=user, params=NamespaceParams),
            Route("POST", f"{one}/resume", self.resume, scope=WRITE, auth=user, params=NamespaceParams),
            Route("POST", f"{one}/limit", self.limit, scope=WRITE, auth=user, params=LimitParams),
            Route("POST", f"{one}/retry", self.retry, scope=WRITE, auth=user, params=CallParams),
            Route("POST", f"{one}/drop", self.drop, scope=WRITE, auth=user, params=CallParams),
        ]

    async def health(self, request: Request, params: None) -> Response:
        """What holds the server back, the worst first. At most six engine calls."""
        await self._staff(request)
        return json({"findings": await self._condition.findings()})

    async def functions(self, request: Request, params: None) -> Response:
        """What is known of each function. At most five engine calls."""
        return json({"functions": await self._queues.overviews(await self._staff(request))})

    async def function(self, request: Request, params: None) -> Response:
        """What is known of one, and some of its dead calls. As many engine calls as `Queues.one`."""
        return await self._shown(await self._staff(request), str(request.args["name"]))

    async def pause(self, request: Request, params: NamespaceParams) -> Response:
        """Start no more calls. At most nine engine calls and a commit."""
        staff = await self._staff(request)
        await self._queues.pause(staff, params.name, namespace=params.namespace)
        return await self._shown(staff, params.name)

    async def resume(self, request: Request, params: NamespaceParams) -> Response:
        """Start them again. At most nine engine calls and a commit."""
        staff = await self._staff(request)
        await self._queues.resume(staff, params.name, namespace=params.namespace)
        return await self._shown(staff, params.name)

    async def limit(self, request: Request, params: LimitParams) -> Response:
        """Start so many at most. At most nine engine calls and a commit."""
        staff = await self._staff(request)
        await self._queues.limit(staff, params.name, {"rate": params.rate, "concurrency": params.concurrency})
        return await self._shown(staff, params.name)

    async def retry(self, request: Request, params: CallParams) -> Response:
        """Send dead calls again. As many engine calls as looking for them, and two commits."""
        staff = await self._staff(request)
        return json({"calls": await self._queues.retry(staff, params.name, call=params.call)})

    async def drop(self, request: Request, params: CallParams) -> Response:
        """Remove dead calls for good. As many engine calls as looking for them, and two commits."""
        staff = await self._staff(request)
        return json({"calls": await self._queues.drop(staff, params.name, call=params.call)})

    async def _staff(self, request: Request) -> Staff:
        return await access_staff(self._graph, request.account, Power.VIEW_DEVOPS)

    async def _shown(self, staff: Staff, name: str) -> Response:
        queue = await self._queues.one(staff, name)
        return json(
            {
                "name": queue.name,
                **msgspec.structs.asdict(queue.overview),
                "paused": queue.steer.paused,
                "paused_namespaces": queue.steer.paused_namespaces,
                "rate": queue.steer.rate,
                "concurrency": queue.steer.concurrency,
                "dead_calls": [_call(call) for call in queue.dead],
            }
        )


def _call(call: DeadCall) -> dict[str, object]:
    return {
        "id": str(call.id),
        "attempt": call.attempt,
        "namespace": call.namespace,
        "arguments": call.arguments,
        "error": call.error,
    }
