"""What HTTP processes and workers run: the dispatcher with its admission control, and the loop over functions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from ripstop.engines.base import Store
from ripstop.kernel.metrics import Merge, Metrics
from ripstop.machinery.functions.report import IDLE, overview
from ripstop.machinery.functions.worker import Worker
from ripstop.processes.rsgi import Callback
from ripstop.surfaces.http.admission import INTERVAL, Admission
from ripstop.surfaces.http.dispatcher import Dispatcher

log = logging.getLogger(__name__)


class Web:
    """Answers requests by a dispatcher.

    :param parts: closed when the process stops.
    """

    look_seconds = INTERVAL

    def __init__(self, dispatcher: Dispatcher, admission: Admission, metrics: Metrics, parts: AsyncExitStack) -> None:
        self.dispatcher = dispatcher
        self.callback: Callback = dispatcher.__rsgi__
        self.look = admission.look
        self.snapshot = metrics.snapshot
        self.end_streams = dispatcher.close
        self.close = parts.aclose


class BacklogMetrics:
    """What is known of functions over all workers. One figure for the whole store, whichever worker looked last."""

    def __init__(self, metrics: Metrics) -> None:
        self._calls = metrics.gauge(
            "ripstop_calls", "Calls in the queue, by function and state.", ["function", "state"], merge=Merge.MAX
        )
        by, most = ["function"], Merge.MAX
        self._told = {
            "arrivals": metrics.gauge(
                "ripstop_function_arrivals", "Calls of a function that are made per second.", by, merge=most
            ),
            "starts": metrics.gauge(
                "ripstop_function_starts", "Calls of a function that are started per second.", by, merge=most
            ),
            "oldest_seconds": metrics.gauge(
                "ripstop_function_oldest_seconds", "Age of a function's oldest unfinished call.", by, merge=most
            ),
            "share": metrics.gauge(
                "ripstop_function_share", "A function's part of the time that runs take.", by, merge=most
            ),
            "quota": metrics.gauge(
                "ripstop_function_quota", "The part of a function's rate that is started.", by, merge=most
            ),
            "factor": metrics.gauge(
                "ripstop_function_factor",
                "What is asked of what a function leans on, of what could be.",
                by,
                merge=most,
            ),
            "growth_limit": metrics.gauge(
                "ripstop_function_growth_limit", "Calls that may start in a minute; 0: no limit.", by, merge=most
            ),
        }
        """What an overview knows and no worker counts by itself, by the field that tells it."""
        self._names: set[str] = set()

    async def look(self, store: Store) -> None:
        """Four engine calls."""
        known = await overview(store)
        self._names |= known.keys()
        for name in self._names:
            function = known.get(name, IDLE)
            for state in ("waiting", "ready", "leased", "dead"):
                self._calls.cell(name, state).value = getattr(function, state)
            for field, gauge in self._told.items():
                gauge.cell(name).value = getattr(function, field) or 0.0


class Work:
    """Runs functions by a worker, and sweeps what has come to its end.

    :param parts: closed when the process stops.
    """

    BACKLOG_SECONDS = 5.0
    SWEEP_SECONDS = 30.0
    SWEEP_ROWS = 1_000

    def __init__(
        self, worker: Worker, store: Store, backlog: BacklogMetrics, metrics: Metrics, parts: AsyncExitStack
    ) -> None:
        self._worker = worker
        self._store = store
        self._backlog = backlog
        self.snapshot = metrics.snapshot
        self.close = parts.aclose

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, and hand back what is under lease."""
        chores = [
            asyncio.create_task(self._repeat(self.BACKLOG_SECONDS, self._look)),
            asyncio.create_task(self._repeat(self.SWEEP_SECONDS, self._sweep)),
        ]
        try:
            await self._worker.run(stop)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def _look(self) -> None:
        await self._backlog.look(self._store)

    async def _sweep(self) -> None:
        """Sweep until a round finds less than it may take."""
        while True:
            swept = await self._store.sweep(now_ms=await self._store.now_ms(), limit=self.SWEEP_ROWS)
            if all(rows < self.SWEEP_ROWS for rows in swept.values()):
                return

    async def _repeat(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await chore()
            except Exception:
                log.exception("a chore failed and is tried again in %.0f s", seconds)
