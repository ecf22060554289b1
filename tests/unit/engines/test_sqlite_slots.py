"""Process slots: exclusive, with a mark that never lets an id be minted twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from ripstop.engines.slots import FileSlot
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.errors import Unavailable
from ripstop.kernel.ids import SLOTS, IdSource, time_ms


def test_each_process_gets_a_slot_of_its_own(tmp_path: Path) -> None:
    slots = [FileSlot(tmp_path / "slots") for _ in range(3)]
    assert [slot.number for slot in slots] == [0, 1, 2]
    slots[1].close()
    assert FileSlot(tmp_path / "slots").number == 1


def test_when_all_slots_are_taken_a_sentence_says_so(tmp_path: Path) -> None:
    slots = [FileSlot(tmp_path) for _ in range(SLOTS)]
    with pytest.raises(Unavailable, match="All 64 slots"):
        FileSlot(tmp_path)
    for slot in slots:
        slot.close()


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written to"):
        FileSlot(tmp_path / "file" / "slots")


def test_ids_go_on_beyond_the_mark_after_a_crash_and_a_clock_set_back(tmp_path: Path) -> None:
    clock = ManualClock()
    slot = FileSlot(tmp_path)
    ids = IdSource(clock, slot)
    minted = [ids.new(7) for _ in range(1000)]
    slot.close()  # without saying what was minted, as when the process dies
    clock.step(-3600)
    after = IdSource(clock, FileSlot(tmp_path)).new(7)
    assert after > max(minted)


def test_a_clean_close_leaves_no_gap(tmp_path: Path) -> None:
    clock = ManualClock()
    slot = FileSlot(tmp_path)
    ids = IdSource(clock, slot)
    last = ids.new(7)
    slot.close(minted_ms=ids.minted_ms)
    again = FileSlot(tmp_path)
    assert again.number == slot.number
    assert again.high_water_ms == time_ms(last) + 1
    assert IdSource(clock, again).new(7) > last


def test_a_process_that_minted_nothing_leaves_the_mark(tmp_path: Path) -> None:
    slot = FileSlot(tmp_path)
    slot.raise_high_water(5_000_000_000_000)
    slot.close(minted_ms=IdSource(ManualClock(), slot).minted_ms)
    assert FileSlot(tmp_path).high_water_ms == 5_000_000_000_000


def test_closing_never_raises_the_mark(tmp_path: Path) -> None:
    slot = FileSlot(tmp_path)
    slot.raise_high_water(1000)
    slot.close(minted_ms=5000)
    slot.close()
    assert FileSlot(tmp_path).high_water_ms == 1000


HOLD = """
import os, sys
from pathlib import Path
from ripstop.engines.slots import FileSlot
slot = FileSlot(Path(sys.argv[1]))
slot.raise_high_water(123456)
print(slot.number, flush=True)
sys.stdin.read()
"""


def test_the_slot_of_a_process_that_was_killed_is_free_with_its_mark(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        other = FileSlot(tmp_path)
        assert other.number == 1
        process.kill()
    freed = FileSlot(tmp_path)
    assert (freed.number, freed.high_water_ms) == (0, 123456)
