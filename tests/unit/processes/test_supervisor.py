"""A supervisor with processes that behave well and badly."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ripstop.processes.listener import short_path
from tests.server import PATIENCE, wait_until


class Troupe:
    """A running supervisor."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def children(self) -> dict[str, int]:
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                found[Path(f"/proc/{child.pid}/comm").read_text().strip()] = child.pid
        return found

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def log(self) -> str:
        return (self.folder / "log").read_text()


NewTroupe = Callable[[str], Troupe]


@pytest.fixture
def troupe(tmp_path: Path) -> Iterator[NewTroupe]:
    """Starts one with a cast."""
    running: list[subprocess.Popen[str]] = []

    def start(cast: str) -> Troupe:
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("troupe.py")), cast, str(tmp_path)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        running.append(process)
        return Troupe(process, tmp_path)

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_all_begin_and_end_in_their_order(troupe: NewTroupe) -> None:
    show = troupe("good")
    assert show.line() == "ready"
    assert set(show.children()) == {"one", "two", "last"}
    assert show.stop() == 0
    notes = show.notes()
    assert sorted(notes[:3]) == ["last begins", "one begins", "two begins"]
    assert sorted(notes[3:5]) == ["one ends", "two ends"]
    assert notes[5:] == ["last ends"]


@pytest.mark.parametrize(
    ("cast", "sentence"),
    [
        ("unable", "The moon is in the wrong house."),
        ("dying", "dying ended before it was ready (exit code 7); see the log."),
    ],
)
def test_what_cannot_start_stops_all_with_its_sentence(troupe: NewTroupe, cast: str, sentence: str) -> None:
    show = troupe(cast)
    assert show.line() == sentence
    assert show.process.wait(PATIENCE) == 1


def test_what_dies_again_and_again_is_started_later_and_later(troupe: NewTroupe) -> None:
    show = troupe("brief")
    wait_until(lambda: show.notes().count("brief begins") >= 5, "a fifth start")
    assert show.stop() == 0
    waits = [line.rpartition("started again ")[2] for line in show.log().splitlines() if "brief died" in line]
    assert waits[:4] == ["at once", "at once", "in 0.25 s", "in 0.50 s"]


def test_what_does_not_stop_is_killed(troupe: NewTroupe) -> None:
    show = troupe("deaf")
    assert show.line() == "ready"
    assert show.stop() == 0
    assert "deaf did not stop in time and is killed" in show.log()


def test_a_second_signal_ends_everything_now(troupe: NewTroupe) -> None:
    show = troupe("deaf")
    assert show.line() == "ready"
    show.process.send_signal(signal.SIGTERM)
    assert show.stop(signal.SIGINT) == 0


def test_what_shows_no_pulse_is_ended_and_started_again(troupe: NewTroupe) -> None:
    show = troupe("pulseless")
    wait_until(lambda: show.notes().count("pulseless begins") >= 2, "a second start")
    assert "pulseless shows no sign of life" in show.log()


def test_who_sits_on_the_write_lock_is_ended_and_others_are_not(troupe: NewTroupe) -> None:
    show = troupe("stuck")
    assert show.line() == "ready"
    before = show.children()
    (show.folder / "stuck.new").write_text(str(before["one"]))
    (show.folder / "stuck.new").rename(show.folder / "stuck")
    wait_until(lambda: show.children().get("one", before["one"]) != before["one"], "another process")
    assert show.children()["two"] == before["two"]
    assert "one holds the write lock for too long and is ended" in show.log()


def test_a_role_on_demand_runs_while_it_is_wanted(troupe: NewTroupe) -> None:
    show = troupe("waiter")
    assert show.line() == "ready"
    assert "waiter" not in show.children()
    served = set()
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as client, short_path(show.folder / "socket") as path:
            client.settimeout(PATIENCE)
            client.connect(path)
            served.add(int(client.recv(100)))
    assert len(served) == 3, "a process of its own for each"
    assert "died" not in show.log()


def test_children_end_with_their_supervisor_however_it_ends(troupe: NewTroupe) -> None:
    show = troupe("good")
    assert show.line() == "ready"
    children = show.children().values()
    os.kill(show.process.pid, signal.SIGKILL)
    wait_until(lambda: not any(lives(pid) for pid in children), "the end of the children")


def lives(pid: int) -> bool:
    """Whether a process has not ended; one that nobody waits for, as in a container without an `init`, has."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
