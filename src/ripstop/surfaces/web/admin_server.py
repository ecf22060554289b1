"""Pages of the staff: how the server is, and its background functions."""

import msgspec

from ripstop.domain.accounts.roles import Power
from ripstop.domain.moderation.authority import access_staff
from ripstop.domain.moderation.queues import MOST_ENDED, Queues
from ripstop.kernel.errors import Invalid
from ripstop.machinery.functions.report import Overview
from ripstop.machinery.graph import Graph
from ripstop.surfaces.condition.condition import Condition
from ripstop.surfaces.condition.finding import Finding, State, duration, short
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead

HEALTH, FUNCTIONS = "/admin/health", "/admin/functions"


class SteerParams(msgspec.Struct, kw_only=True):
    """What is to be done about a function: see the buttons of the page. An empty number is as declared."""

    act: str
    name: str
    call: Id | None = None
    namespace: str = ""
    rate: str = ""
    concurrency: str = ""
    proof: str = ""


class AdminServer:
    """Handlers of these pages. Every one asks for the role of the reader."""

    def __init__(self, graph: Graph, shell: Shell, queues: Queues, condition: Condition) -> None:
        self._graph = graph
        self._shell = shell
        self._queues = queues
        self._condition = condition

    def routes(self) -> list[Route]:
        own, act = self._shell.own, self._shell.act
        return [
            Route("GET", HEALTH, own(self.health)),
            Route("GET", FUNCTIONS, own(self.functions)),
            Route("GET", FUNCTIONS + "/{name}", own(self.function)),
            Route("POST", FUNCTIONS + "/{name}", act(self.steer), params=SteerParams),
        ]

    async def health(self, request: Request, params: None, reader: Reader) -> Answer:
        """What holds the server back, in words. At most six engine calls."""
        await access_staff(self._graph, reader.id, Power.VIEW_DEVOPS)
        findings = await self._condition.findings()
        bad = [finding for finding in findings if finding.state is not State.FINE]
        context = {"sentence": _summary(bad), "bad": bad, "fine": [one for one in findings if one not in bad]}
        return Shown("admin_health.html", context)

    async def functions(self, request: Request, params: None, reader: Reader) -> Answer:
        """All functions: first those of which there is something to be said. At most five engine calls."""
        staff = await access_staff(self._graph, reader.id, Power.VIEW_DEVOPS)
        known = await self._queues.overviews(staff)
        busy = {name: each for name, each in known.items() if not _is_idle(each)}
        idle = [name for name in known if name not in busy]
        context = {"busy": busy, "idle": idle, "age": duration, "short": short}
        return Shown("admin_functions.html", context)

    async def function(self, request: Request, params: None, reader: Reader) -> Answer:
        """One function, and what can be done about it. As many engine calls as `Queues.one`."""
        staff = await access_staff(self._graph, reader.id, Power.VIEW_DEVOPS)
        queue = await self._queues.one(staff, str(request.args["name"]))
        return Shown("admin_function.html", {"queue": queue, "age": duration, "short": short, "most": MOST_ENDED})

    async def steer(self, request: Request, params: SteerParams, reader: Reader) -> Answer:
        """As many engine calls as what is done."""
        staff = await access_staff(self._graph, reader.id, Power.VIEW_DEVOPS)
        queues, name, namespace = self._queues, params.name, params.namespace.strip()
        match params.act:
            case "pause":
                await queues.pause(staff, name, namespace=namespace)
            case "resume":
                await queues.resume(staff, name, namespace=namespace)
            case "limit":
                rate, at_once = _number(params.rate), _number(params.concurrency)
                limits = {"rate": rate, "concurrency": None if at_once is None else int(at_once)}
                await queues.limit(staff, name, limits)
            case "retry":
                await queues.retry(staff, name, call=params.call)
            case "drop":
                await queues.drop(staff, name, call=params.call)
            case _:
                raise Invalid("There is no such thing to be done.")
        is_known = name in await queues.overviews(staff)  # one that nobody declares is gone with its last call
        return lead(request.origin + FUNCTIONS + (f"/{name}" if is_known else ""))


def _is_idle(each: Overview) -> bool:
    calls = each.waiting + each.ready + each.leased + each.dead
    return not (calls or each.running or each.steered or each.held_back or each.arrivals)


def _summary(bad: list[Finding]) -> str:
    """What is most to be said, in a sentence."""
    if not bad:
        return "Nothing holds this server back."
    wrong = sum(finding.state is State.WRONG for finding in bad)
    rest = len(bad) - wrong
    words = [f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong"] if wrong else []
    words += [f"{rest} {'thing asks' if rest == 1 else 'things ask'} for a look"] if rest else []
    return f"{' and '.join(words)}, the worst first.".capitalize()


def _number(text: str) -> float | None:
    """A number from a field; None if it is empty.

    :raises Invalid: it is none.
    """
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise Invalid("Validation failed: This is no number") from None
