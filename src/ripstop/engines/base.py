"""The engine protocol: 25 operations on which the whole product stands, and the small one that keeps a store.

Rows are *objects*, *associations* with inverses and counts (as in TAO), *names* (unique claims) and *calls* (the
durable queue). All four are written by batches only: see `ripstop.engines.batch`. Beside them rest two kinds of
derived data, never part of a batch and always rebuildable: keyspaces (`ripstop.engines.derived`) and the text index.

Every id is a positive 63-bit integer and carries its shard (`ripstop.kernel.ids`); an association, a count and a
list live in the shard of their *source*; a call in the shard of its id; a name in the shard of its hash. An *order*
is any integer from 0 to 2^63-1, by which a list is sorted. Flags are a bit mask of 31 bits. Data is JSON text.
Instants are milliseconds since the Unix epoch, durations are seconds.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from ripstop.engines.batch import Batch, Outcome
from ripstop.engines.derived import KeyspaceChange, KeyspaceType, Slice, TextDocument, TextHit

MAX_ORDER = (1 << 63) - 1

Cursor = tuple[int, int]
"""A place in a list: (order, target)."""


class Object(NamedTuple):
    """One object; `version` starts at 1 and rises by one with each patch."""

    id: int
    type: int
    version: int
    data: str


class Association(NamedTuple):
    """One directed edge; unique by (source, type, target)."""

    source: int
    type: int
    target: int
    order: int
    flags: int
    data: str | None


class Count(NamedTuple):
    """How many rows a list has, and the highest order among them (-1 when empty)."""

    length: int
    newest: int


class Merge(NamedTuple):
    """The newest entries over many lists.

    Where the budget ran out, `complete` is False and the entries are the newest of the lists that were opened.
    """

    entries: list[Association]
    complete: bool


class Name(NamedTuple):
    """A claimed name; `expires` is an instant or None."""

    name: str
    holder: int
    expires: int | None


class Counted(Enum):
    """How the length of a list is kept."""

    EXACT = "exact"
    STRIPED = "striped"
    """Exact as well, spread over several rows where one hot row would serialise writers."""
    NO = "no"
    """Not kept: `assoc_counts` leaves the list out, and `assoc_merge` always opens it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AssociationType:
    """What an engine must know of one direction of an association.

    Batches write the forward direction only; the engine writes the inverse half, if any, with the same order,
    flags and data. `keyed` False keeps a direction in one b-tree sorted by order, which halves its cost: such a
    direction answers `assoc_range`, `assoc_merge` and `assoc_counts`, never `assoc_get`. A forward direction is
    always keyed.
    """

    number: int
    name: str
    inverse: int | None = None
    forward: bool = True
    counted: Counted = Counted.EXACT
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything that a store must be told before it is opened."""

    associations: Mapping[int, AssociationType] = field(default_factory=dict)
    keyspaces: Mapping[str, KeyspaceType] = field(default_factory=dict)
    text_indexes: frozenset[str] = frozenset()


class Direction(Enum):
    """Which end of a range comes first."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"


class Lane(Enum):
    """Foreground batches go first; background ones wait for their turn, in groups of some milliseconds."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"


class Table(Enum):
    """What `scan` can walk."""

    OBJECTS = "objects"
    ASSOCIATIONS = "associations"
    COUNTS = "counts"
    NAMES = "names"
    CALLS = "calls"
    """Rows: id, state, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, error,
    namespace, parent.
    """


class Criticality(IntEnum):
    """Order among calls: a lower number is taken first."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class CallState(IntEnum):
    """Where a call stands between its batch and its end."""

    WAITING = 0
    READY = 1
    LEASED = 2
    DEAD = 3


class LeasedCall(NamedTuple):
    """A call as handed to a worker. `token` counts up with every lease of the call and fences its effect."""

    id: int
    token: int
    function: str
    arguments: str
    checkpoint: str | None
    attempt: int
    due: int
    deadline: int
    criticality: int
    key: str | None
    lease_until: int
    namespace: str | None = None
    parent: int | None = None


class CallRow(NamedTuple):
    """All that is stored of a call. `token` is that of its last lease, `died` the instant of its death."""

    id: int
    state: int
    token: int
    function: str
    arguments: str
    checkpoint: str | None
    attempt: int
    due: int
    deadline: int
    criticality: int
    key: str | None
    error: str | None
    namespace: str | None
    parent: int | None
    died: int | None = None


class CallLimit(NamedTuple):
    """How many calls of a function one request for leases may take: of one namespace, or (None) of all together."""

    function: str
    most: int
    namespace: str | None = None


class Leases(NamedTuple):
    """What `call_lease` took, and which of the leases to renew are gone."""

    taken: list[LeasedCall]
    lost: list[int]


class FunctionBacklog(NamedTuple):
    """One function's calls: how many stand in each state, and the lowest id among the unfinished (not dead)."""

    waiting: int
    ready: int
    leased: int
    dead: int
    oldest: int | None


class ScanPage(NamedTuple):
    """Rows as JSON-ready tuples in key order, and the cursor to go on after (None at the end)."""

    rows: list[tuple[object, ...]]
    after: tuple[object, ...] | None


class Engine(Protocol):
    """The 25 operations: these sixteen, and the nine in a batch."""

    # Reads

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        """The objects with these ids; missing and deleted ones are absent."""
        ...

    async def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        """Which associations of these keyed types lead from one source to any of these targets."""
        ...

    async def assoc_range(
        self,
        source: int,
        type: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
        mask: int = 0,
        match: int = 0,
    ) -> list[Association]:
        """A page of one list, strictly between two cursors, of rows whose ``flags & mask == match``.

        `after` is the low bound and `before` the high bound, whatever the direction.
        """
        ...

    async def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        """Length and newest order of many counted lists, by (source, type); empty lists are absent."""
        ...

    async def assoc_merge(
        self,
        sources: Sequence[int],
        type: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        budget: int,
        mask: int = 0,
        match: int = 0,
    ) -> Merge:
        """The newest `limit` entries over many lists, strictly between two cursors, newest first.

        Opens a list only if its newest order can still contribute, and at most `budget` lists.
        """
        ...

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        """Who holds these names; free and expired ones are absent."""
        ...

    async def name_range(self, space: str, prefix: str, *, after: str | None = None, limit: int) -> list[Name]:
        """Names that begin with ``space + "/" + prefix``, in byte order, after an exclusive full name."""
        ...

    async def scan(self, table: Table, *, shard: int | None, after: tuple[object, ...] | None, limit: int) -> ScanPage:
        """All rows of a table in key order, of one shard or (None) of all; deleted objects are left out."""
        ...

    async def text_query(
        self, index: str, query: str, *, filters: Sequence[str] = (), limit: int, budget: float
    ) -> list[TextHit]:
        """Documents that hold every word of the query and every filter, newest first, within `budget` seconds."""
        ...

    async def keyspace_get(self, keyspace: str, keys: Sequence[str]) -> dict[str, bytes | int]:
        """Values (bytes) or counters (int) of these keys; missing and expired ones are absent."""
        ...

    async def keyspace_range(
        self,
        keyspace: str,
        key: int,
        *,
        after: Cursor | None = None,
        before: Cursor | None = None,
        limit: int,
        direction: Direction = Direction.NEWEST_FIRST,
    ) -> Slice | None:
        """A page of one sorted list strictly between two (order, member) cursors; None if there is no list."""
        ...

    async def call_stats(
        self, functions: Sequence[str] | None = None, *, parent: int | None = None
    ) -> dict[str, FunctionBacklog]:
        """The backlog by function (all, or these), at a cost independent of its size.

        With a `parent`, that of its parts alone, and of theirs, at a cost of their number.
        """
        ...

    # Writes

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = 2.0
    ) -> list[Outcome]:
        """Apply each batch whole or not at all, in order; durable on return.

        :param deadline: seconds within which the batches must begin.
        :raises DeadlineExceeded: they did not begin in time; nothing was done.
        :raises ReadOnly: the store takes no writes.
        """
        ...

    async def call_lease(
        self,
        classes: Sequence[int],
        *,
        limit: int,
        seconds: float,
        shards: tuple[int, int] = (0, 1024),
        renew: Sequence[tuple[int, int]] = (),
        limits: Sequence[CallLimit] = (),
    ) -> Leases:
        """Take up to `limit` due calls of these classes in a half-open range of shards, and renew (call, token) leases.

        Order: criticality first. Within a class the lines (function, namespace) that have calls take equal shares,
        and what one does not use goes to the others; where there are fewer places than lines, those go first whose
        first call does. Within a line: deadline, then id. Of what `limits` name no more is taken than they say, and
        a line of which nothing may be taken is not read. The answer is sorted by criticality, deadline and id.

        Expired leases of others are due again. The engine's clock decides. Before it takes, it moves waiting calls
        whose time has come to the ready ones. With more than `MOST_LINES` lines in a class, some have their turn.
        """
        ...

    async def keyspace_write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        """Change derived data; seen by reads once it returns, and may be lost.

        Answers with the counters that were added to, by key, as these additions left them: of several who add at
        the same time, each is told another number.
        """
        ...

    async def text_write(self, index: str, documents: Sequence[TextDocument]) -> None:
        """Add, replace or remove documents; may be lost."""
        ...


class Changes(NamedTuple):
    """What other processes, and this one, have changed since a cursor.

    `lost` says that the log no longer reaches back to the cursor: drop everything.
    `ids` are objects put, patched or deleted; `lists` are the (source, type) of associations put or deleted.
    """

    cursor: int
    ids: Sequence[int]
    lists: Sequence[tuple[int, int]]
    lost: bool


class Fault(NamedTuple):
    """One thing that `check` found wrong, as a sentence, with the row it concerns."""

    sentence: str
    row: tuple[object, ...]


class Inspection(NamedTuple):
    """What there is to see of a store from outside.

    `server` names what it rests on, with its version. `applied` and `known` count migrations: those that it has seen
    (None: there is no store yet), and those of this program.
    """

    server: str
    applied: int | None
    known: int


class Store(Engine, Protocol):
    """An engine with what it takes to keep one: open, migrate, follow, sweep, back up, check, close.

    An instance belongs to one process and one event loop, and is opened after the fork.
    """

    @property
    def read_only(self) -> str | None:
        """Why the store takes no writes, as a sentence, or None when it does."""
        ...

    @property
    def commit_seconds(self) -> float:
        """Recent (exponentially weighted) seconds from a foreground batch's arrival to its answer."""
        ...

    async def inspect(self) -> Inspection:
        """Look at a store that need not be open, and change nothing.

        :raises ripstop.kernel.errors.RipstopError: it cannot be reached.
        """
        ...

    async def open(self) -> None:
        """Open for use; migrates an empty or older store first, online.

        :raises ripstop.kernel.errors.RipstopError: with a sentence for the operator.
        """
        ...

    async def close(self) -> None:
        """Answer what is queued, then let go of files and connections. Idempotent."""
        ...

    async def changes(self, cursor: int) -> Changes:
        """What was committed since `cursor` (-1: nothing yet, answers with the present cursor and `lost`).

        Never staler than the moment of the call.
        """
        ...

    async def now_ms(self) -> int:
        """The engine's clock, by which calls fall due and names expire."""
        ...

    async def call_get(self, ids: Sequence[int]) -> dict[int, CallRow]:
        """The calls with these ids; those that have ended are absent."""
        ...

    async def dead_calls(self, *, after: tuple[int, int] | None, limit: int) -> list[CallRow]:
        """A page of all dead calls, by (instant of death, id), after such a place.

        The cost is that of the page, whatever else is in the queue.
        """
        ...

    async def sweep(self, *, now_ms: int, limit: int) -> dict[str, int]:
        """Remove up to `limit` rows of each kind whose end has come; says how many of each kind."""
        ...

    async def backup(self, target: Path) -> None:
        """Write a consistent copy of the store while it is in use. `target` must not exist."""
        ...

    async def restore(self, source: Path) -> None:
        """Fill this store, which must be new and not open, from a copy; checks the copy first."""
        ...

    def check(self) -> AsyncIterator[Fault]:
        """Every count against its rows, both halves of each association, states of calls. Slow, changes nothing."""
        ...
