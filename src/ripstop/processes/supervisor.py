"""The process that forks all others, starts again what dies, and stops them in order.

It opens no connection and starts no thread, so that a fork is always safe and shares as much memory as can be. What
it forks is described by :class:`Role`. Its loop sleeps in one `select` and wakes for signals (through a socket pair),
for reports of children, for clients of roles that run on demand, and for the next thing that is due.
"""

import gc
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from ripstop.kernel.clock import Clock
from ripstop.processes import system
from ripstop.processes.board import Board
from ripstop.processes.restarts import Restarts
from ripstop.processes.seat import Seat

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """A process reported that it cannot start; the message is its sentence."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Role:
    """A process to be run.

    :param main: what it does, given its place and its listening socket; it returns when it has stopped, which
        SIGTERM asks it to.
    :param listen: makes the socket it listens on, which the supervisor keeps open across its deaths.
    :param on_demand: started when a client connects, and not again before the next when it ends in good order.
    :param stops: roles are asked to stop in rising order, each when those before it are gone.
    :param pulse_seconds: it writes to the board at least this often, or is taken for stuck and ended; None: it may not.
    """

    name: str
    main: Callable[[Seat, socket.socket | None], None]
    listen: Callable[[], socket.socket] | None = None
    on_demand: bool = False
    stops: int = 0
    pulse_seconds: float | None = 60.0


@dataclass(eq=False, slots=True)
class _Place:
    """A role with the process that fills it, if any does."""

    role: Role
    slot: int
    restarts: Restarts
    pid: int = 0
    started: float = 0.0
    ready: bool = False
    due: float | None = None
    """When to start it (monotonic), where that is decided."""
    report_fd: int = -1
    asked_to_stop: bool = False
    listener: socket.socket | None = None
    heard: bytearray = field(default_factory=bytearray)


class Supervisor:
    """Runs roles until it is told to stop.

    :param announce: called once, when every role that does not wait for demand is ready.
    :param stuck_writer: looked at each second: the id of a process that holds the store's write lock for too long.
    :param enter: run in each child after its fork, given its name, before its role.
    :param stop_seconds: time for all to stop in good order; then they are killed.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        board: Board,
        clock: Clock,
        *,
        announce: Callable[[], None],
        enter: Callable[[str], None],
        stuck_writer: Callable[[], int | None] = lambda: None,
        stop_seconds: float = 15.0,
    ) -> None:
        self._places = [_Place(role, slot, Restarts(clock)) for slot, role in enumerate(roles)]
        self._board = board
        self._announce = announce
        self._announced = False
        self._enter = enter
        self._stuck_writer = stuck_writer
        self._stop_seconds = stop_seconds
        self._pid = os.getpid()
        self._selector = selectors.DefaultSelector()
        self._stop_by: float | None = None
        self._failure: str | None = None
        self._next_look = 0.0

    def run(self) -> None:
        """Fork the roles, and watch over them until SIGTERM, SIGINT or SIGHUP and their end.

        :raises CannotStart: one of them could not start, and all were stopped.
        """
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(wake, selectors.EVENT_READ, lambda: _drain(wake))
        gc.collect()
        gc.freeze()
        for place in self._places:
            self._listen(place)
        for place in self._places:
            if place.role.on_demand:
                self._await_demand(place)
            else:
                self._start(place)
        while self._places_alive() or self._stop_by is None:
            self._turn()
        if self._failure is not None:
            raise CannotStart(self._failure)

    def _turn(self) -> None:
        """Sleep until something happens, and see to it."""
        for key, _ in self._selector.select(self._sleep_seconds()):
            key.data()
        self._reap()
        now = time.monotonic()
        if self._stop_by is not None:
            self._go_on_stopping(now)
            return
        for place in self._places:
            if place.due is not None and place.due <= now:
                self._start(place)
        if now >= self._next_look:
            self._next_look = now + 1.0
            self._end_stuck(now)

    def _sleep_seconds(self) -> float:
        now = time.monotonic()
        due = [place.due for place in self._places if place.due is not None]
        due.append(self._stop_by if self._stop_by is not None else self._next_look)
        return max(0.0, min(due) - now)

    def _places_alive(self) -> list[_Place]:
        return [place for place in self._places if place.pid]

    # Starting

    def _listen(self, place: _Place) -> None:
        if place.role.listen is not None and place.listener is None:
            place.listener = place.role.listen()

    def _stop_listening(self, place: _Place) -> None:
        if place.listener is not None:
            place.listener.close()
            place.listener = None

    def _start(self, place: _Place) -> None:
        place.due = None
        self._listen(place)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._be(place, write)
        os.close(write)
        os.set_blocking(read, False)
        place.pid = pid
        place.started = time.monotonic()
        place.ready = place.asked_to_stop = False
        place.report_fd = read
        place.heard.clear()
        place.restarts.started()
        self._selector.register(read, selectors.EVENT_READ, lambda: self._hear(place))

    def _be(self, place: _Place, report_fd: int) -> NoReturn:
        """The child's whole life, from its fork to its end."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # A terminal sends SIGINT to all processes at once; the supervisor then stops them in order.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            system.name_process(place.role.name)
            system.die_with_parent(self._pid)
            self._selector.close()
            for other in self._places:
                if other is not place:
                    self._stop_listening(other)
                    if other.report_fd >= 0:
                        os.close(other.report_fd)
            self._enter(place.role.name)
            seat = Seat(
                name=place.role.name,
                slot=place.slot,
                board=self._board,
                parent=self._pid,
                report=lambda failure: _report(report_fd, failure),
            )
            place.role.main(seat, place.listener)
            code = 0
        except BaseException:
            log.critical("%s ends with an error", place.role.name, exc_info=True)
        finally:
            logging.shutdown()
            os._exit(code)

    def _hear(self, place: _Place) -> None:
        """Take a child's report: nothing but a line end when it is ready, or a sentence why it cannot start."""
        part = os.read(place.report_fd, 4096)
        place.heard += part
        if part and not place.heard.endswith(b"\n"):
            return
        self._hang_up(place)
        sentence = place.heard.decode().strip()
        if sentence:
            log.error("%s cannot start: %s", place.role.name, sentence)
            if not self._announced:
                self._fail(sentence)
        elif place.heard:
            place.ready = True
            if not self._announced and all(one.ready or one.role.on_demand for one in self._places):
                self._announced = True
                self._announce()

    def _hang_up(self, place: _Place) -> None:
        if place.report_fd >= 0:
            self._selector.unregister(place.report_fd)
            os.close(place.report_fd)
            place.report_fd = -1

    def _await_demand(self, place: _Place) -> None:
        listener = place.listener
        assert listener is not None

        def wanted() -> None:
            self._selector.unregister(listener)
            place.due = time.monotonic()

        self._selector.register(listener, selectors.EVENT_READ, wanted)

    # Dying

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for place in self._places:
                if place.pid == pid:
                    self._bury(place, os.waitstatus_to_exitcode(status))

    def _bury(self, place: _Place, code: int) -> None:
        if place.report_fd >= 0:
            self._hear(place)
        self._hang_up(place)
        place.pid = 0
        if self._stop_by is not None:
            return
        if not (self._announced or place.ready or place.role.on_demand):
            self._fail(f"{place.role.name} ended before it was ready ({_how(code)}); see the log.")
            return
        if code == 0 and place.role.on_demand:
            log.debug("%s was idle and has ended", place.role.name)
            self._await_demand(place)
            return
        wait = place.restarts.died()
        log.error("%s died (%s), and is started again %s", place.role.name, _how(code), _when(wait))
        if wait > 0.0:
            # Nobody would answer those who connect meanwhile; refused, they can go to another process at once.
            self._stop_listening(place)
        elif place.role.on_demand:
            self._await_demand(place)
            return
        place.due = time.monotonic() + wait

    def _end_stuck(self, now: float) -> None:
        """Kill what sits on the write lock, or shows no pulse."""
        writer = self._stuck_writer()
        for place in self._places_alive():
            if place.pid == writer:
                log.error("%s holds the write lock for too long and is ended", place.role.name)
                os.kill(place.pid, signal.SIGKILL)
            elif place.ready and place.role.pulse_seconds is not None:
                slot = self._board.read(place.slot)
                last = slot.pulse if slot is not None and slot.pid == place.pid else place.started
                if now - last > place.role.pulse_seconds:
                    log.error("%s shows no sign of life for %.0f s and is ended", place.role.name, now - last)
                    os.kill(place.pid, signal.SIGKILL)

    # Stopping

    def _on_stop_signal(self, *_: object) -> None:
        """The first asks for a stop in good order; the second ends everything now."""
        self._stop_by = 0.0 if self._stop_by is not None else time.monotonic() + self._stop_seconds

    def _fail(self, sentence: str) -> None:
        self._failure = self._failure or sentence
        self._stop_by = self._stop_by or time.monotonic() + self._stop_seconds

    def _go_on_stopping(self, now: float) -> None:
        for place in self._places:
            place.due = None
            # From here on new connections are refused as soon as the child has closed its side, too.
            self._stop_listening(place)
        alive = self._places_alive()
        assert self._stop_by is not None
        if now >= self._stop_by:
            for place in alive:
                log.warning("%s did not stop in time and is killed", place.role.name)
                os.kill(place.pid, signal.SIGKILL)
            self._stop_by = now + 1.0
            return
        first = min((place.role.stops for place in alive), default=0)
        for place in alive:
            if place.role.stops == first and not place.asked_to_stop:
                place.asked_to_stop = True
                os.kill(place.pid, signal.SIGTERM)


def _drain(wake: socket.socket) -> None:
    try:
        while wake.recv(4096):
            pass
    except BlockingIOError:
        return


def _report(fd: int, failure: str | None) -> None:
    os.write(fd, " ".join((failure or "").split())[:1000].encode() + b"\n")
    os.close(fd)


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _when(wait: float) -> str:
    return "at once" if wait == 0.0 else f"in {wait:.2f} s"
