"""How far somebody has read, so that all of their devices know."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import MARKERS, READ_UP_TO, MarkerData
from ripstop.machinery.graph import Graph


class Marker(NamedTuple):
    """One place in one list."""

    name: str
    last_read: int
    updated_at: int
    version: int


async def markers(graph: Graph, account: int, names: Collection[str]) -> list[Marker]:
    """Those markers that were ever set. One engine call."""
    wanted = {number: name for name, number in MARKERS.items() if name in names}
    if not wanted:
        return []
    found = []
    for row in await graph.find(account, (READ_UP_TO,), list(wanted)):
        data = msgspec.json.decode(row.data or "{}", type=MarkerData)
        found.append(Marker(wanted[row.target], row.order, data.updated_at, data.version))
    return found


async def set_markers(graph: Graph, account: int, places: Mapping[str, int]) -> list[Marker]:
    """Set these markers; the last one to do so counts. One engine call and a commit."""
    before = {marker.name: marker for marker in await markers(graph, account, places)}
    now_ms = graph.now_ms()
    write = graph.write(account)
    after = []
    for name, last_read in places.items():
        version = before[name].version + 1 if name in before else 1
        data = MarkerData(updated_at=now_ms, version=version)
        write.put(READ_UP_TO, account, MARKERS[name], order=last_read, data=data)
        after.append(Marker(name, last_read, now_ms, version))
    await graph.commit(write)
    return after
