"""What is done about filters in the background: those of deleted accounts go."""

from collections.abc import Sequence

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.viewing.model import HOLDS_FILTER
from ripstop.engines.base import Association
from ripstop.machinery.functions import Functions
from ripstop.machinery.graph import Events, Graph, Write


class FilterKeeping:
    """Clears up after deleted accounts."""

    def __init__(self, graph: Graph) -> None:
        self._eraser = Eraser(graph, "filters", own={HOLDS_FILTER: _delete})

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        self._eraser.register(functions, events)


async def _delete(write: Write, account: int, rows: Sequence[Association]) -> None:
    for row in rows:
        write.delete(row.target)
        write.remove(HOLDS_FILTER, account, row.target)
