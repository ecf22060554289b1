"""What HTTP processes and workers have in common: an event loop, a pulse, and a stop in good order."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import uvloop

from ripstop.kernel.errors import RipstopError
from ripstop.processes.listener import BACKLOG
from ripstop.processes.rsgi import Callback, RsgiServer
from ripstop.processes.seat import Seat

log = logging.getLogger(__name__)

PULSE = 1.0
"""Seconds between two writings to the board."""


class Service(Protocol):
    """What a process runs once its store and everything over it is open."""

    def snapshot(self) -> bytes:
        """The process's metrics, for the board."""
        ...

    async def close(self) -> None:
        """Let go of everything. Called once, when nothing is under way any more."""
        ...


class WebService(Service, Protocol):
    """Answers requests."""

    @property
    def callback(self) -> Callback: ...

    def look(self) -> None:
        """Judge the load; called each :attr:`look_seconds`."""
        ...

    @property
    def look_seconds(self) -> float: ...

    async def end_streams(self) -> None:
        """End answers that would go on for ever."""
        ...


class WorkService(Service, Protocol):
    """Runs functions."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; return when what was under way is done or handed back."""
        ...


S = TypeVar("S", bound=Service)


def run_web(
    seat: Seat,
    listener: socket.socket | None,
    *,
    open_service: Callable[[Seat], Awaitable[WebService]],
    head_seconds: float,
    connections: int,
    stop_seconds: float,
) -> None:
    """An HTTP process's main: serve until SIGTERM."""
    assert listener is not None

    async def main() -> None:
        service = await _open(seat, open_service)
        if service is None:
            return
        server = RsgiServer(
            service.callback, listener, head_seconds=head_seconds, connections=connections, backlog=BACKLOG
        )
        server.start()
        stop = _stop_on_sigterm()
        _beat(seat, service, stop)
        seat.report(None)
        beats = [_every(PULSE, lambda: _beat(seat, service, stop)), _every(service.look_seconds, service.look)]
        await stop.wait()
        stopped = asyncio.ensure_future(server.stop(stop_seconds))
        await service.end_streams()
        if not await stopped:
            log.warning("requests were still under way after %.0f s", stop_seconds)
        for beat in beats:
            beat.cancel()
        await service.close()

    uvloop.run(main())


def run_worker(
    seat: Seat,
    listener: socket.socket | None,
    *,
    open_service: Callable[[Seat], Awaitable[WorkService]],
    stop_seconds: float,
) -> None:
    """A worker's main: work until SIGTERM. It listens to nobody."""

    async def main() -> None:
        service = await _open(seat, open_service)
        if service is None:
            return
        stop = _stop_on_sigterm()
        _beat(seat, service, stop)
        seat.report(None)
        beat = _every(PULSE, lambda: _beat(seat, service, stop))
        work = asyncio.ensure_future(service.run(stop))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        try:
            # Without SIGTERM the work ends only by an error, which is raised here and ends the process.
            await asyncio.wait_for(work, stop_seconds)
        except TimeoutError:
            log.warning("calls were still under way after %.0f s; their leases run out", stop_seconds)
        beat.cancel()
        await service.close()

    uvloop.run(main())


async def _open(seat: Seat, open_service: Callable[[Seat], Awaitable[S]]) -> S | None:
    """The service, or None: the supervisor was told why not."""
    try:
        service = await open_service(seat)
    except RipstopError as error:
        log.exception("%s cannot start: %s", seat.name, error.cause)
        seat.report(error.sentence)
        return None
    return service


def _stop_on_sigterm() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


def _every(seconds: float, do: Callable[[], None]) -> asyncio.Task[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(seconds)
            do()

    return asyncio.get_running_loop().create_task(beat())


def _beat(seat: Seat, service: Service, stop: asyncio.Event) -> None:
    seat.board.write(seat.slot, service.snapshot())
    if seat.is_orphaned():
        stop.set()
