"""What becomes of the feeds of a deleted account."""

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.accounts.events import AccountDeleted
from ripstop.domain.feeds.model import HOME, LARGE
from ripstop.engines.base import Criticality, Engine
from ripstop.machinery.functions import Call, Done, Functions, Outcome
from ripstop.machinery.graph import Events, Graph, Listening


class Leaving:
    """Drops the home list of a deleted account, and forgets that it was large."""

    def __init__(self, graph: Graph, engine: Engine) -> None:
        self._engine = engine
        self._eraser = Eraser(graph, "feeds", plain=(LARGE,))

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        Listening(functions, events).to(
            AccountDeleted,
            self._drop_home,
            name="feeds.drop_home",
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )
        self._eraser.register(functions, events)

    async def _drop_home(self, call: Call[AccountDeleted]) -> Outcome:
        await HOME.drop(self._engine, [call.arguments.account])
        return Done()
