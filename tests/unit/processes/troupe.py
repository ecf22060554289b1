"""A program that supervises a few odd processes, for the tests of the supervisor: `python troupe.py CAST FOLDER`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

from ripstop.kernel import logging as logs
from ripstop.kernel.clock import SystemClock
from ripstop.kernel.configuration import Log
from ripstop.processes.board import Board
from ripstop.processes.listener import listen_at
from ripstop.processes.seat import Seat
from ripstop.processes.supervisor import CannotStart, Role, Supervisor

FOLDER = Path(sys.argv[2])


def note(what: str) -> None:
    """Write down what happens, in the order in which it does."""
    with (FOLDER / "notes").open("a") as notes:
        notes.write(what + "\n")


def say(what: str) -> None:
    """Tell the test."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


def good(seat: Seat, listener: socket.socket | None) -> None:
    """Stops when asked to, and be it in the moment before it waits for that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    note(f"{seat.name} begins")
    seat.board.write(seat.slot, b"")
    seat.report(None)
    signal.sigwait({signal.SIGTERM})
    note(f"{seat.name} ends")


def unable(seat: Seat, listener: socket.socket | None) -> None:
    """Cannot start, and says why."""
    seat.report("The moon is\nin the wrong house.")


def dying(seat: Seat, listener: socket.socket | None) -> None:
    """Ends before it is ready, without a word."""
    os._exit(7)


def brief(seat: Seat, listener: socket.socket | None) -> None:
    """Starts well, and falls dead at once."""
    note(f"{seat.name} begins")
    seat.report(None)
    os._exit(3)


def deaf(seat: Seat, listener: socket.socket | None) -> None:
    """Does not stop when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    seat.report(None)
    while True:
        signal.pause()


def pulseless(seat: Seat, listener: socket.socket | None) -> None:
    """Shows no sign of life."""
    note(f"{seat.name} begins")
    seat.report(None)
    time.sleep(3600)


def waiter(seat: Seat, listener: socket.socket | None) -> None:
    """Serves one client and ends."""
    assert listener is not None
    seat.report(None)
    listener.setblocking(True)
    client, _ = listener.accept()
    client.sendall(f"{os.getpid()}".encode())
    client.close()


CASTS = {
    "good": [Role(name="one", main=good), Role(name="two", main=good), Role(name="last", main=good, stops=1)],
    "unable": [Role(name="one", main=good), Role(name="unable", main=unable)],
    "dying": [Role(name="one", main=good), Role(name="dying", main=dying)],
    "brief": [Role(name="one", main=good), Role(name="brief", main=brief)],
    "deaf": [Role(name="deaf", main=deaf)],
    "pulseless": [Role(name="one", main=good), Role(name="pulseless", main=pulseless, pulse_seconds=0.2)],
    "stuck": [Role(name="one", main=good), Role(name="two", main=good)],
    "waiter": [
        Role(name="one", main=good),
        Role(name="waiter", main=waiter, listen=lambda: listen_at(FOLDER / "socket"), on_demand=True),
    ],
}


def stuck_writer() -> int | None:
    """The process whose id somebody wrote into a file."""
    path = FOLDER / "stuck"
    return int(path.read_text()) if path.exists() else None


def main() -> None:
    logs.configure(Log(level="debug"), process="troupe")
    roles = CASTS[sys.argv[1]]
    try:
        Supervisor(
            roles,
            Board(len(roles)),
            SystemClock(),
            announce=lambda: say("ready"),
            enter=lambda name: logs.configure(Log(), process=name),
            stuck_writer=stuck_writer,
            stop_seconds=1.0 if sys.argv[1] == "deaf" else 30.0,
        ).run()
    except CannotStart as error:
        say(str(error))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
