"""Moving a store from one engine to another while it is in use: rows of record, exactly, with a short stop of writes.

1. The origin notes the key of every row that is written from now on, in the transaction that writes it.
2. All rows are copied, page by page in key order, while others go on writing. What changes meanwhile is in the notes.
3. Rounds: the rows that the notes name are copied anew, or removed, as of one moment. After each round the destination
   is what the origin was at that moment. Each round is shorter than the one before.
4. At such a moment everything is compared, and the destination is checked as `ripstop check` does.
5. Writes are stopped, the last round is copied, and compared; then the origin is closed for good.

A row that was compared in step 4 and not noted since is what it was; one that was noted is compared in its round. So
all of the store is verified, though the stop takes no longer than one round. Each step says in the destination, in the
same transaction, how far it has come: a move that was cut off goes on from there.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from ripstop.engines.base import Fault, Table
from ripstop.engines.slots import mark_name
from ripstop.kernel.errors import RipstopError

Row = tuple[Any, ...]
"""A row as both engines show it, its key first: see `KEYS` and the statements called `rows_…`."""

KEYS = {Table.OBJECTS: 1, Table.ASSOCIATIONS: 4, Table.COUNTS: 2, Table.NAMES: 1, Table.CALLS: 1}
"""How many columns of a row are its key."""

PAGE = 20_000
"""Rows that are copied, and notes that are followed, in one transaction."""

SHORT = 5_000
"""Notes of a round that is short enough for the next one to be the last."""

MOST_ROUNDS = 50

_MASK = (1 << 64) - 1


class Noted(NamedTuple):
    """What a part of the notes names: the keys, and the rows that are there of these."""

    keys: list[Row]
    rows: list[Row]


class Digest(NamedTuple):
    """What a table comes to: the number of its rows, and the sum of their hashes, which no order changes."""

    rows: int = 0
    sum: int = 0

    def add(self, rows: Sequence[Row]) -> "Digest":
        return Digest(self.rows + len(rows), (self.sum + sum(map(hash, rows))) & _MASK)


class Origin(Protocol):
    """The store that is moved. Everything in it is done at once: nobody else waits in this process."""

    def follow(self) -> str:
        """Begin to take notes, unless they are taken already; the token of these notes.

        :raises RipstopError: there is no store, or it cannot be moved.
        """
        ...

    def page(self, table: Table, after: Row | None, limit: int) -> list[Row]:
        """Rows after a key."""
        ...

    def snapshot(self) -> AbstractContextManager[int]:
        """Everything that is read in here is of one moment; the number of notes taken by then."""
        ...

    def noted(self, table: Table, after: int, until: int) -> Noted:
        """What the notes with these numbers say of a table."""
        ...

    def all(self, table: Table) -> Iterator[list[Row]]:
        """All rows of a table, in parts."""
        ...

    def stopped(self) -> AbstractContextManager[None]:
        """Nobody writes in here."""
        ...

    def marks(self) -> Mapping[int, int]:
        """By slot, up to which time ids were minted."""
        ...

    def close_for(self, place: str) -> None:
        """Take no writes any more, in this or any other process: the store has moved to `place`. While stopped."""
        ...

    def forget(self) -> None:
        """Take no more notes: the move is given up."""
        ...

    @property
    def moved_to(self) -> str | None:
        """The place for which the store was closed."""
        ...


class Destination(Protocol):
    """The store that is filled. It cannot be opened for anything else until the move is finished."""

    @property
    def place(self) -> str:
        """Where it is, in words and without a password."""
        ...

    async def begin(self, token: str) -> None:
        """Prepare an empty store, or find how far a move under this token has come.

        :raises RipstopError: it holds something else.
        """
        ...

    def copied(self, table: Table) -> tuple[Row | None, bool]:
        """The key after which to go on copying, and whether all is copied."""
        ...

    @property
    def followed(self) -> int:
        """The number of the last note that was followed."""
        ...

    async def fill(self, table: Table, rows: Sequence[Row], *, last: bool) -> None:
        """Add rows; `last` says that there are no more."""
        ...

    async def follow(self, noted: Mapping[Table, Noted], until: int) -> None:
        """Replace what was noted, up to the note with this number."""
        ...

    async def settle(self) -> None:
        """Make up what follows from the rows."""
        ...

    def all(self, table: Table) -> AsyncIterator[list[Row]]:
        """All rows of a table, in parts."""
        ...

    async def rows(self, table: Table, keys: Sequence[Row]) -> list[Row]:
        """The rows with these keys."""
        ...

    async def add_names(self, names: Mapping[str, int]) -> None:
        """Give names to holders."""
        ...

    def check(self) -> AsyncIterator[Fault]:
        """What `Store.check` finds."""
        ...

    async def finish(self) -> None:
        """Let the store be opened. Idempotent."""
        ...


class Move:
    """One move.

    :param say: is told, in sentences, how far it is.
    """

    def __init__(self, origin: Origin, destination: Destination, *, say: Callable[[str], None]) -> None:
        self._origin = origin
        self._destination = destination
        self._say = say

    async def run(self) -> float:
        """Move everything; for how many seconds writes were stopped.

        :raises RipstopError: it cannot be done; the origin goes on as it was.
        """
        origin, destination = self._origin, self._destination
        if origin.moved_to is not None:  # all was done but the last word
            if origin.moved_to != destination.place:
                raise RipstopError(f"The store has moved already, to {origin.moved_to}.")
            await destination.finish()
            return 0.0
        await destination.begin(origin.follow())
        for table in Table:
            await self._copy(table)
        await self._catch_up()
        with origin.snapshot() as until:
            await self._follow(until)
            await destination.settle()
            await self._verify()
        await self._catch_up()
        with origin.stopped():
            began = time.monotonic()
            with origin.snapshot() as until:
                await self._follow(until)
            await destination.settle()
            await destination.add_names({mark_name(slot): mark for slot, mark in origin.marks().items()})
            origin.close_for(destination.place)
            stopped = time.monotonic() - began
        await destination.finish()
        return stopped

    async def _copy(self, table: Table) -> None:
        """Step 2."""
        after, done = self._destination.copied(table)
        copied = 0
        while not done:
            rows = self._origin.page(table, after, PAGE)
            done = len(rows) < PAGE
            await self._destination.fill(table, rows, last=done)
            after = rows[-1][: KEYS[table]] if rows else after
            copied += len(rows)
        if copied:
            self._say(f"{copied:,} {table.value} are copied.")

    async def _catch_up(self) -> None:
        """Step 3."""
        for _ in range(MOST_ROUNDS):
            with self._origin.snapshot() as until:
                behind = await self._follow(until)
            if behind <= SHORT:
                return
            self._say(f"{behind:,} changes are followed.")
        raise RipstopError("More is written than can be followed. Try again when there is less to do.")

    async def _follow(self, until: int) -> int:
        """Make the destination what the origin is in its present snapshot, and look at what was changed; how much."""
        after = first = self._destination.followed
        while after < until:
            part = min(after + PAGE, until)
            noted = {table: self._origin.noted(table, after, part) for table in Table}
            await self._destination.follow(noted, part)
            for table, (keys, rows) in noted.items():
                if keys and set(await self._destination.rows(table, keys)) != set(rows):
                    raise _differs(table)
            after = part
        return until - first

    async def _verify(self) -> None:
        """Step 4, while the destination is what the origin is in its present snapshot."""
        for table in Table:
            here = there = Digest()
            for rows in self._origin.all(table):
                here = here.add(rows)
            async for rows in self._destination.all(table):
                there = there.add(rows)
            if here != there:
                raise _differs(table)
            self._say(f"{here.rows:,} {table.value} are the same on both sides (sum {here.sum:016x}).")
        async for fault in self._destination.check():
            raise RipstopError(f"The check of the copy found: {fault.sentence} {fault.row}. Run `ripstop check` here.")
        self._say("The check of the copy found nothing wrong.")


def _differs(table: Table) -> RipstopError:
    return RipstopError(f"The copy of the {table.value} is not what it should be. Empty the database, and begin again.")
