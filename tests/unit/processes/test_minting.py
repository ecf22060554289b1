"""Ids of processes that come and go."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripstop import boot
from ripstop.engines.base import Store
from ripstop.engines.slots import FileSlot
from ripstop.kernel.clock import ManualClock
from ripstop.kernel.configuration import Configuration
from ripstop.kernel.errors import ReadOnly, Unavailable
from ripstop.kernel.ids import IdSource, time_ms
from ripstop.processes.slots import LeasedSlot
from tests.stores import Place


async def test_commands_in_a_row_mint_no_ids_of_the_future(place: Place, tmp_path: Path) -> None:
    """Each begins where the last has ended, and not at its mark, which is seconds ahead."""
    configuration = Configuration(data=str(tmp_path), database="" if place.engine == "sqlite" else place.where)
    minted = []
    for _ in range(3):
        async with boot.opened_graph(configuration) as graph:
            minted.append(graph.write_in(0).new_id())
            assert time_ms(minted[-1]) <= graph.now_ms()
    assert minted == sorted(set(minted))


def test_who_has_given_back_a_file_of_a_slot_mints_no_more(tmp_path: Path) -> None:
    slot = FileSlot(tmp_path)
    ids = IdSource(ManualClock(), slot)
    ids.new(7)
    slot.close(minted_ms=ids.end())
    with pytest.raises(ReadOnly):
        ids.new(7)


async def test_who_has_given_back_a_lease_of_a_slot_mints_no_more(store: Store) -> None:
    slot = await LeasedSlot.take(store, clock := ManualClock())
    ids = IdSource(clock, slot)
    ids.new(7)
    await slot.release(minted_ms=ids.end())
    with pytest.raises(Unavailable):
        ids.new(7)
