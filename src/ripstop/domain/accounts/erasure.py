"""How a deleted account is removed from the lists that it left behind, a bounded batch at a time.

Each package says which of its lists begin at an account (*own*), and which tell of what others did to it (*others'*).
Rows of the former live in the account's shard and go from the newest on, a checkpoint after each batch. Rows of the
latter are removed where they were written, in the shards of those others: the call splits itself by shard. Nothing of
it depends on how often it runs, or where it is interrupted: what is left is what is still to be done.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from ripstop.domain.accounts.events import AccountDeleted
from ripstop.engines import base
from ripstop.engines.base import Criticality
from ripstop.kernel.ids import shard_of
from ripstop.machinery.functions import MAX_PARTS, Call, Checkpoint, Done, Function, Functions, Outcome, Split
from ripstop.machinery.graph import Association, Events, Graph, Listening, Write

PLAIN = 100
"""Rows that one batch removes where nothing follows from it."""
FEW = 10
"""Rows that one batch removes where events and further rows go with each."""
PAGE = MAX_PARTS - 1
"""Rows of others that one call looks at: at worst each lives in a shard of its own, and the rest is one more part."""

EndOwn = Callable[[Write, int, Sequence[base.Association]], Awaitable[None]]
"""Adds to a batch what ends these rows of the account: all of them, whatever they lead to."""
EndOthers = Callable[[Write, int, int], Awaitable[None]]
"""Adds to a batch, at home with the second id, what ends its row that leads to the account, which is the first."""


class Erase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Empty one list of a deleted account; `list` is the number of its association.

    Of a list of what others did: with `others`, ids of accounts of one shard, that of those; without, that of all
    below the cursor `before`.
    """

    account: int
    list: int
    before: tuple[int, int] | None = None
    others: tuple[int, ...] = ()


class Eraser:
    """Empties the lists of deleted accounts that one package keeps.

    :param package: its functions are named by it.
    :param plain: own lists of which nothing but the rows is to be removed.
    :param own: the other own lists.
    :param others: lists of what others did, by their inverse direction.
    """

    def __init__(
        self,
        graph: Graph,
        package: str,
        *,
        plain: Sequence[Association] = (),
        own: Mapping[Association, EndOwn] | None = None,
        others: Mapping[Association, EndOthers] | None = None,
    ) -> None:
        self._graph = graph
        self._package = package
        self._plain = {association.number: association for association in plain}
        self._own = {association.number: (association, end) for association, end in (own or {}).items()}
        self._others = {association.number: (association, end) for association, end in (others or {}).items()}
        self._erase = Function(
            name=f"{package}.erase_list",
            arguments=Erase,
            handler=self._erase_list,
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called when an account is deleted."""
        functions.declare(self._erase)
        name = f"{self._package}.erase_account"
        Listening(functions, events).to(
            AccountDeleted,
            self._begin,
            name=name,
            criticality=Criticality.LOW,
            deadline=3_600.0,
            opportunistic=True,
        )

    async def _begin(self, call: Call[AccountDeleted]) -> Outcome:
        """A call for each list that is not empty."""
        account = call.arguments.account
        write = self._graph.write(account)
        found = [(number, association) for number, (association, _) in {**self._own, **self._others}.items()]
        for number, association in [*self._plain.items(), *found]:
            if await self._graph.range(account, association, limit=1):
                write.call(self._erase, Erase(account=account, list=number))
        return Done(write.batch() if write.operations else None)

    async def _erase_list(self, call: Call[Erase]) -> Outcome:
        work = call.arguments
        if work.list in self._others:
            return await self._erase_others(work)
        account = work.account
        write = self._graph.write(account)
        if work.list in self._plain:
            association, limit = self._plain[work.list], PLAIN
            rows = await self._graph.range(account, association, limit=limit)
            for row in rows:
                write.remove(association, account, row.target)
        else:
            (association, end), limit = self._own[work.list], FEW
            rows = await self._graph.range(account, association, limit=limit)
            await end(write, account, rows)
        if not rows:
            return Done()
        effect, live = write.batch(), write.live
        return Checkpoint("", effect, live) if len(rows) == limit else Done(effect, live)

    async def _erase_others(self, work: Erase) -> Outcome:
        association, end = self._others[work.list]
        if work.others:
            write = self._graph.write(work.others[0])
            for other in work.others:
                await end(write, work.account, other)
            return Done(write.batch() if write.operations else None, write.live)
        rows = await self._graph.range(work.account, association, before=work.before, limit=PAGE)
        by_shard: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_shard[shard_of(row.target)].append(row.target)
        parts = [Erase(account=work.account, list=work.list, others=tuple(others)) for others in by_shard.values()]
        if len(rows) == PAGE:
            parts.append(Erase(account=work.account, list=work.list, before=(rows[-1].order, rows[-1].target)))
        return Split(parts) if parts else Done()
