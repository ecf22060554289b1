"""Memory that processes share."""

from __future__ import annotations

import os

import pytest

from ripstop.processes.board import Board


@pytest.fixture(autouse=True)
def long_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody counts as ended because the machine stood still."""
    monkeypatch.setattr(Board, "PULSE_SECONDS", 3_600.0)


def test_a_slot_holds_what_was_written_last() -> None:
    board = Board(2)
    assert board.read(0) is None
    board.write(0, b"first")
    board.write(0, b"second")
    slot = board.read(0)
    assert slot is not None
    assert (slot.pid, slot.payload) == (os.getpid(), b"second")
    assert board.payloads() == ([b"second"], [])


def test_another_process_sees_it_and_it_outlives_its_writer() -> None:
    board = Board(2)
    pid = os.fork()
    if pid == 0:
        board.write(1, b"from the child")
        os._exit(0)
    os.waitpid(pid, 0)
    slot = board.read(1)
    assert slot is not None
    assert (slot.pid, slot.payload) == (pid, b"from the child")


def test_what_shows_no_pulse_counts_as_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(1)
    board.write(0, b"payload")
    monkeypatch.setattr(Board, "PULSE_SECONDS", 0.0)
    assert board.payloads() == ([], [b"payload"])


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    board = Board(2)
    board.write(0, b"old")
    board.write(1, b"neighbour")
    with pytest.raises(ValueError, match="does not fit"):
        board.write(0, b"x" * Board.SLOT_BYTES)
    assert board.payloads()[0] == [b"old", b"neighbour"]


def test_a_writer_that_died_while_writing_leaves_nothing_torn() -> None:
    board = Board(1)
    pid = os.fork()
    if pid == 0:
        board._memory[0:8] = (7).to_bytes(8, "little")  # odd: as it stands while a slot is being written
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.read(0) is None
    board.write(0, b"next")
    assert board.payloads()[0] == [b"next"]
