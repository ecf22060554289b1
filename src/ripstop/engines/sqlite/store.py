"""The store on SQLite: one folder, three database files, nothing else to run."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import apsw

from ripstop.engines.base import (
    Association,
    CallLimit,
    CallRow,
    Changes,
    Count,
    Cursor,
    Direction,
    Fault,
    FunctionBacklog,
    Inspection,
    Lane,
    Leases,
    Merge,
    Name,
    Object,
    ScanPage,
    Schema,
    Table,
)
from ripstop.engines.batch import Batch, Outcome
from ripstop.engines.common import CLASSES
from ripstop.engines.derived import KeyspaceChange, Slice, TextDocument, TextHit
from ripstop.engines.sqlite import keep
from ripstop.engines.sqlite.apply import Commit, MainTransaction
from ripstop.engines.sqlite.check import check_derived, check_main, check_search
from ripstop.engines.sqlite.checkpoint import WAL_LIMIT, Checkpointer
from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.commits import CommitCounter
from ripstop.engines.sqlite.connection import STATEMENT_SECONDS, Reader, connect
from ripstop.engines.sqlite.folder import DataFolder, FileLock, Room, boot_id, last_note
from ripstop.engines.sqlite.keyspaces import (
    KeyspaceReader,
    KeyspaceTransaction,
    note_boot,
    note_clean_close,
    number_keyspaces,
)
from ripstop.engines.sqlite.migrate import inspect, migrate
from ripstop.engines.sqlite.reads import MainReader
from ripstop.engines.sqlite.text import TextReader, TextTransaction, make_indexes
from ripstop.engines.sqlite.writer import GroupWriter, T
from ripstop.kernel.clock import Clock, SystemClock
from ripstop.kernel.errors import RipstopError

READER_CACHE_KB = 8 << 10
WRITER_CACHE_KB = 16 << 10
THREAD_CACHE_KB = 2 << 10
CHECK_CACHE_KB = 64 << 10

FUNCTIONS_DEADLINE = 10.0
"""Seconds within which leases and changes to derived data must begin: nobody waits for them but functions."""

SWEEP_DEADLINE = 60.0
SCAN_SECONDS = 60.0
"""How long one page of a scan may take."""

_FAULTS_AT_ONCE = 100

SWITCH_SECONDS = 0.0001
"""How soon the writer, back from a long statement, gets Python's global lock from a busy event loop. It is a setting of
the process; with Python's own 5 ms the writer can be starved for seconds, while it holds the lock of all writers."""

R = TypeVar("R")


class SqliteStore:
    """Satisfies `ripstop.engines.base.Store` on one folder.

    Reads run in place on the event loop; commits in one writer thread for each file; text queries, scans, checks and
    backups in a few reader threads. Any number of processes may have the folder open.
    """

    _clock: EngineClock
    _reader: MainReader
    _keyspace_reader: KeyspaceReader
    _text_reader: TextReader
    _main: GroupWriter[MainTransaction]
    _derived: GroupWriter[KeyspaceTransaction]
    _search: GroupWriter[TextTransaction]
    _checkpointer: Checkpointer
    _users: FileLock
    _main_threads: "_ReaderThreads"
    _search_threads: "_ReaderThreads"

    def __init__(
        self,
        folder: Path,
        schema: Schema,
        *,
        clock: Clock | None = None,
        room: Room | None = None,
        wal_limit: int = WAL_LIMIT,
        read_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        """:param room: how much of the disk must stay free for writes.
        :param wal_limit: bytes of a write-ahead log at which writers are held up to begin it anew.
        :param read_seconds: after so much CPU time a read on the event loop is ended; text queries have budgets.
        """
        self._folder = DataFolder(folder)
        self._schema = schema
        self._wall = clock or SystemClock()
        self._room = room or Room()
        self._wal_limit = wal_limit
        self._read_seconds = read_seconds
        self._is_open = False

    # Keeping

    @property
    def read_only(self) -> str | None:
        return self._main.read_only if self._is_open else "The store is not open."

    @property
    def commit_seconds(self) -> float:
        return self._main.commit_seconds if self._is_open else 0.0

    async def inspect(self) -> Inspection:
        return await asyncio.to_thread(inspect, self._folder)

    async def open(self) -> None:
        folder = self._folder
        folder.prepare()
        if folder.moved_to is not None:
            raise RipstopError(
                f"The store in {folder.path} has moved to {folder.moved_to}: set database to where it is now. "
                f"Who removes {folder.moved} goes back to what it was then."
            )
        self._clock = EngineClock(self._wall)
        last = last_note(folder.write_lock(folder.main))
        if last is not None:
            self._clock.observe(last.since_ms)
        opening = FileLock(folder.lock("open"))
        opening.acquire()
        try:
            self._open_files()
        except apsw.Error as error:
            raise RipstopError(f"The store in {folder.path} cannot be opened: {error}.", cause=error) from error
        finally:
            opening.close()
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        self._is_open = True

    def _open_files(self) -> None:
        """Open and migrate everything. Under the folder's lock for opening."""
        folder, schema = self._folder, self._schema
        with ExitStack() as opened:
            main = connect(folder.main, cache_kb=WRITER_CACHE_KB, durable=True, create=True)
            opened.callback(main.close)
            derived = connect(folder.derived, cache_kb=WRITER_CACHE_KB, create=True)
            opened.callback(derived.close)
            search = connect(folder.search, cache_kb=THREAD_CACHE_KB, create=True)
            opened.callback(search.close)
            now_ms = self._clock.now_ms()
            migrate(main, "main", now_ms=now_ms)
            migrate(derived, "derived", now_ms=now_ms)
            migrate(search, "search", now_ms=now_ms)
            numbers = number_keyspaces(derived, schema.keyspaces)
            note_boot(derived, boot_id())
            make_indexes(search, schema.text_indexes)
            opened.pop_all()
        self._users = FileLock(folder.lock("users"))
        self._users.acquire(shared=True)

        reader, keyspace_reader = (
            Reader(path, cache_kb=READER_CACHE_KB, seconds=self._read_seconds) for path in (folder.main, folder.derived)
        )
        self._reader = MainReader(reader, schema, CommitCounter(folder.commits))
        self._keyspace_reader = KeyspaceReader(keyspace_reader, schema.keyspaces, numbers)
        self._text_reader = TextReader(schema.text_indexes)
        self._main_threads = _ReaderThreads(folder.main)
        self._search_threads = _ReaderThreads(folder.search)
        self._checkpointer = Checkpointer(
            {path: folder.write_lock(path) for path in folder.databases}, clock=self._clock, wal_limit=self._wal_limit
        )
        self._main = self._writer(folder.main, MainTransaction(main, schema, CommitCounter(folder.commits)))
        self._derived = self._writer(folder.derived, KeyspaceTransaction(derived, schema.keyspaces, numbers))
        self._search = self._writer(folder.search, TextTransaction(search, schema.text_indexes))

    def _writer(self, path: Path, transaction: T) -> GroupWriter[T]:
        self._checkpointer.watch(path, transaction.connection)
        return GroupWriter(
            path.stem,
            transaction,
            lock=self._folder.write_lock(path),
            clock=self._clock,
            room=self._room,
            moved_to=lambda: self._folder.moved_to,
        )

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        for writer in (self._main, self._derived, self._search):
            await writer.close()
        self._main_threads.close()
        self._search_threads.close()
        self._reader.close()
        self._keyspace_reader.close()
        await asyncio.to_thread(self._checkpointer.close)
        self._leave()

    def _leave(self) -> None:
        """The last process to close the folder says that everything is on disk."""
        opening = FileLock(self._folder.lock("open"))
        opening.acquire()
        try:
            if self._users.acquire(blocking=False):
                derived = connect(self._folder.derived, cache_kb=THREAD_CACHE_KB)
                try:
                    note_clean_close(derived)
                finally:
                    derived.close()
        finally:
            self._users.close()
            opening.close()

    async def changes(self, cursor: int) -> Changes:
        return self._reader.changes(cursor)

    async def now_ms(self) -> int:
        return self._clock.now_ms()

    async def sweep(self, *, now_ms: int, limit: int) -> dict[str, int]:
        rows: dict[str, int] = await self._main.submit(
            partial(keep.sweep, now_ms=now_ms, limit=limit), lane=Lane.BACKGROUND, deadline=SWEEP_DEADLINE, weight=limit
        )
        derived: dict[str, int] = await self._derived.submit(
            partial(KeyspaceTransaction.sweep, now_ms=now_ms, limit=limit), deadline=SWEEP_DEADLINE, durable=False
        )
        for writer in (self._main, self._derived, self._search):
            await writer.submit(keep.release_pages, lane=Lane.BACKGROUND, deadline=SWEEP_DEADLINE)
        return rows | derived

    async def backup(self, target: Path) -> None:
        await asyncio.to_thread(keep.backup, self._folder, target)

    async def restore(self, source: Path) -> None:
        if self._is_open:
            raise RipstopError("A backup can be restored into a store that is not open only.")
        await asyncio.to_thread(keep.restore, source, self._folder)

    async def check(self) -> AsyncIterator[Fault]:
        main, derived, search = (connect(path, cache_kb=CHECK_CACHE_KB) for path in self._folder.databases)
        try:
            faults: Iterator[Fault] = chain(
                check_main(main, self._schema), check_derived(derived), check_search(search)
            )
            while some := await asyncio.to_thread(lambda: list(islice(faults, _FAULTS_AT_ONCE))):
                for fault in some:
                    yield fault
        finally:
            for connection in (main, derived, search):
                connection.close()

    # Reads

    async def object_get(self, ids: Sequence[int]) -> dict[int, Object]:
        return self._reader.object_get(ids)

    async def assoc_get(self, source: int, types: Sequence[int], targets: Sequence[int]) -> list[Association]:
        return self._reader.assoc_get(source, types, targets)

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
        return self._reader.assoc_range(
            source, type, after=after, before=before, limit=limit, direction=direction, mask=mask, match=match
        )

    async def assoc_counts(self, sources: Sequence[int], types: Sequence[int]) -> dict[tuple[int, int], Count]:
        return self._reader.assoc_counts(sources, types)

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
        return self._reader.assoc_merge(
            sources, type, after=after, before=before, limit=limit, budget=budget, mask=mask, match=match
        )

    async def name_get(self, names: Sequence[str]) -> dict[str, Name]:
        return self._reader.name_get(names, self._clock.now_ms())

    async def name_range(self, space: str, prefix: str, *, after: str | None = None, limit: int) -> list[Name]:
        return self._reader.name_range(space, prefix, after=after, limit=limit, now_ms=self._clock.now_ms())

    async def scan(self, table: Table, *, shard: int | None, after: tuple[object, ...] | None, limit: int) -> ScanPage:
        return await self._main_threads.run(
            lambda reader: keep.scan(reader, table, shard=shard, after=after, limit=limit)
        )

    async def text_query(
        self, index: str, query: str, *, filters: Sequence[str] = (), limit: int, budget: float
    ) -> list[TextHit]:
        return await self._search_threads.run(
            lambda reader: self._text_reader.query(reader, index, query, filters=filters, limit=limit, budget=budget)
        )

    async def keyspace_get(self, keyspace: str, keys: Sequence[str]) -> dict[str, bytes | int]:
        return self._keyspace_reader.get(keyspace, keys, self._clock.now_ms())

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
        return self._keyspace_reader.range(
            keyspace, key, after=after, before=before, limit=limit, direction=direction, now_ms=self._clock.now_ms()
        )

    async def call_stats(
        self, functions: Sequence[str] | None = None, *, parent: int | None = None
    ) -> dict[str, FunctionBacklog]:
        return self._reader.call_stats(functions, parent)

    async def call_get(self, ids: Sequence[int]) -> dict[int, CallRow]:
        return self._reader.call_get(ids)

    async def dead_calls(self, *, after: tuple[int, int] | None, limit: int) -> list[CallRow]:
        return await self._main_threads.run(lambda reader: keep.dead_calls(reader, after=after, limit=limit))

    # Writes

    async def commit(
        self, batches: Sequence[Batch], *, lane: Lane = Lane.FOREGROUND, deadline: float = 2.0
    ) -> list[Outcome]:
        if not batches:
            return []
        outcomes: list[Outcome] = await self._main.submit(
            Commit(batches),
            lane=lane,
            deadline=deadline,
            weight=sum(len(batch.operations) for batch in batches),
        )
        return outcomes

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
        classes = [class_ for class_ in classes if 0 <= class_ < CLASSES]
        # Most requests find nothing to do, which a read can say. A lease need not survive the machine.
        if not renew and not self._reader.lease_any(classes, self._clock.now_ms(), limits):
            return Leases([], [])
        leases: Leases = await self._main.submit(
            partial(
                MainTransaction.lease,
                classes=classes,
                limit=limit,
                seconds=seconds,
                shards=shards,
                renew=renew,
                limits=limits,
            ),
            deadline=FUNCTIONS_DEADLINE,
            durable=False,
            weight=limit + len(renew),
        )
        return leases

    async def keyspace_write(self, keyspace: str, changes: Sequence[KeyspaceChange]) -> dict[str, int]:
        counters: dict[str, int] = await self._derived.submit(
            partial(KeyspaceTransaction.write, keyspace=keyspace, changes=changes),
            deadline=FUNCTIONS_DEADLINE,
            durable=False,
        )
        return counters

    async def text_write(self, index: str, documents: Sequence[TextDocument]) -> None:
        await self._search.submit(
            partial(TextTransaction.write, index=index, documents=documents), deadline=FUNCTIONS_DEADLINE, durable=False
        )


class _ReaderThreads:
    """A few threads for reads that may take long, each with a connection while it reads."""

    THREADS = 2

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[Reader] = deque()
        self._pool = ThreadPoolExecutor(self.THREADS, thread_name_prefix=f"ripstop-read-{path.stem}")

    async def run(self, act: Callable[[Reader], R]) -> R:
        """Read in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, act)

    def _run(self, act: Callable[[Reader], R]) -> R:
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = Reader(self._path, cache_kb=THREAD_CACHE_KB, seconds=SCAN_SECONDS)
            keep.add_functions(reader.connection)
        try:
            return act(reader)
        finally:
            self._idle.append(reader)

    def close(self) -> None:
        """Wait for what is being read, then let go of the connections."""
        self._pool.shutdown()
        while self._idle:
            self._idle.pop().close()
