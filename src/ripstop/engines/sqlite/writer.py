"""The writer: one thread per process and database file, which commits in groups all that wait.

It waits for work, takes the lock between processes, and only *then* takes what is queued, so that everything which
arrived during the wait shares one transaction and one fsync. Foreground jobs go first, background ones when it is
their turn (`turns`) and as many as that lets them; groups without the foreground are brought to disk once the lock is
free (`sync`). A group is applied as a whole; should that raise, it is rolled back and applied once more job by job,
with a savepoint around each, so that the faulty one bears its error alone.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import apsw

from ripstop.engines.base import Lane
from ripstop.engines.sqlite.clock import EngineClock
from ripstop.engines.sqlite.connection import DAMAGE
from ripstop.engines.sqlite.folder import FileLock, Room
from ripstop.engines.sqlite.sync import LogSync
from ripstop.engines.sqlite.transaction import FileTransaction
from ripstop.engines.sqlite.turns import Turns
from ripstop.kernel.errors import DeadlineExceeded, ReadOnly, Unavailable

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.001
"""Pause before a group while others are in flight: it doubles the size of groups, and halves the cost of a batch."""

FOREGROUND_WEIGHT = 4_096
"""Operations of foreground jobs in one group, about: some 40 ms."""

_ALL = 1 << 62

ROOM_SECONDS = 0.5
"""How old the knowledge of the free disk space may be."""

EXPIRY_SECONDS = 0.1
"""How often jobs whose deadline has passed are looked for while the lock is awaited."""

_SMOOTHING = 0.1


T = TypeVar("T", bound=FileTransaction)


@dataclass(slots=True, eq=False)
class Job:
    """Something to do within a group, and what became of it."""

    act: Any
    future: asyncio.Future[Any]
    arrived: float
    begins_by: float
    durable: bool
    weight: int
    is_background: bool
    result: Any = None
    error: BaseException | None = None
    ticket: list[None] = field(default_factory=lambda: [None])

    def claim(self) -> bool:
        """Whether the caller, of the two threads that may, is the one to deal with this job."""
        try:
            self.ticket.pop()
        except IndexError:
            return False
        return True


class GroupWriter(Generic[T]):
    """A queue in two lanes and the thread that empties it. Belongs to the event loop on which it was made."""

    def __init__(
        self,
        name: str,
        transaction: T,
        *,
        lock: Path,
        clock: EngineClock,
        room: Room,
        moved_to: Callable[[], str | None] = lambda: None,
    ) -> None:
        """:param transaction: on the open file; from here on it belongs to the writer's thread.
        :param moved_to: asked before each group once the lock is sealed: where the store is now, if not here any more.
        """
        self.commit_seconds = 0.0
        self._name = name
        self._transaction = transaction
        self._path = lock
        self._clock = clock
        self._room = room
        self._moved_to = moved_to
        self._loop = asyncio.get_running_loop()
        self._lanes: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self._wake = threading.Lock()
        """Free when the thread shall not sleep. A `SimpleQueue` with a timeout may wait for ever (CPython 3.11)."""
        self._wake.acquire()
        self._is_idle = False
        self._is_pausing = False
        self._is_closing = False
        self._turns = Turns(lock)
        self._sync: LogSync[Job] = LogSync(Path(transaction.connection.filename_wal), self._synced)
        self._in_flight = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._broken: str | None = None
        self._no_room: str | None = None
        self._room_checked = -ROOM_SECONDS
        self._thread = threading.Thread(target=self._run, name=f"ripstop-{name}", daemon=True)
        self._thread.start()

    # On the event loop

    @property
    def read_only(self) -> str | None:
        """Why nothing is written, as a sentence, or None."""
        if self._broken is not None:
            return self._broken
        now = time.monotonic()
        if now - self._room_checked >= ROOM_SECONDS:
            self._room_checked = now
            self._no_room = self._room.missing(self._path.parent)
        return self._no_room

    def submit(
        self,
        act: Any,
        *,
        lane: Lane = Lane.FOREGROUND,
        deadline: float = 2.0,
        durable: bool = True,
        weight: int = 1,
    ) -> asyncio.Future[Any]:
        """Queue something to be done in the next group.

        :param act: what the transaction's `run` shall do; it may be asked to do it twice.
        :param deadline: seconds within which it must begin.
        :param durable: whether it must be on disk when it is answered.
        :param weight: operations that this counts as.
        :raises ReadOnly: the file takes no writes.
        """
        if self._is_closing:
            raise Unavailable("The server is shutting down.", cause=f"the writer {self._name} is closed")
        reason = self.read_only
        if reason is not None:
            raise ReadOnly(f"Nothing can be written now. {reason}", cause=self._name, retry_after=5)
        now = time.monotonic()
        future: asyncio.Future[Any] = self._loop.create_future()
        is_background = lane is Lane.BACKGROUND
        self._lanes[is_background].append(Job(act, future, now, now + deadline, durable, weight, is_background))
        self._in_flight += 1
        if self._is_idle or (self._is_pausing and not is_background):
            self._wake_up()
        if self._expiry is None:
            self._expiry = self._loop.call_later(EXPIRY_SECONDS, self._expire)
        return future

    def _expire(self) -> None:
        """Refuse queued jobs whose deadline has passed, which matters while another process sits on the lock."""
        self._expiry = self._loop.call_later(EXPIRY_SECONDS, self._expire) if self._in_flight else None
        now = time.monotonic()
        for lane in self._lanes:
            for job in list(lane):
                if job.begins_by < now and job.claim():
                    job.error = _too_late()
                    self._answer([job])

    def _answer(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._in_flight -= 1
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    def _wake_up(self) -> None:
        """Let the writer's thread go on if it sleeps, or not sleep next time."""
        if self._wake.locked():
            self._wake.release()

    async def close(self) -> None:
        """Finish what is queued, then end the thread. Idempotent."""
        self._is_closing = True
        self._wake_up()
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # the last answers are behind this in the queue of the event loop
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    # In the writer's thread

    def _run(self) -> None:
        lock = FileLock(self._path)
        try:
            self._serve(lock)
        except Exception as error:
            log.exception("The writer %s has ended.", self._name)
            self._broken = "The writer of the store has failed; writing is taken up again after a restart."
            left = self._take(self._lanes[0], _ALL, []) + self._take(self._lanes[1], _ALL, [])
            for job in left:
                job.error = self._sentence(error)
            self._loop.call_soon_threadsafe(self._answer, left)
        finally:
            self._sync.close()
            lock.close()
            self._turns.close()
            self._transaction.close()

    def _serve(self, lock: FileLock) -> None:
        """Commit group after group, until the end."""
        foreground, background = self._lanes
        company = 0
        while self._await_work():
            stands_in_line = bool(foreground) or self._turns.stands_in_line(time.monotonic())
            has_company = company > 1 or len(foreground) + len(background) > 1
            # What need not be on disk, a lease, saves no sync by waiting.
            if stands_in_line and has_company and not (foreground and not foreground[0].durable):
                time.sleep(GATHER_SECONDS)
            if not lock.acquire(blocking=stands_in_line):
                self._turns.turned_away(time.monotonic())
                continue
            try:
                done = self._group(lock.note_after(self._clock), is_sealed=lock.is_sealed)
            finally:
                lock.release()
            company = len(done)
            self._hand_out(done)

    def _await_work(self) -> bool:
        """Sleep until there is work whose turn it is; False when there will be no more."""
        foreground, background = self._lanes
        while not foreground:
            pause = None
            if background:
                pause = self._turns.pause(time.monotonic())
                if not pause:
                    return True
            elif self._is_closing:
                return False
            self._sleep(pause)
        return True

    def _sleep(self, pause: float | None) -> None:
        """Sleep until something is appended: of the foreground, with a pause, and no longer than that."""
        foreground, background = self._lanes
        if pause is None:
            self._is_idle = True
        else:
            self._is_pausing = True
        # Whoever appends after this look sees that the writer sleeps.
        if not foreground and (pause is not None or not background):
            self._wake.acquire(timeout=-1 if pause is None else pause)
        self._is_idle = self._is_pausing = False

    def _group(self, now_ms: int, *, is_sealed: bool) -> list[Job]:
        """Take what is queued and commit it; the jobs, with their results or errors."""
        late: list[Job] = []
        began = time.monotonic()
        jobs = self._take(self._lanes[0], FOREGROUND_WEIGHT, late)
        # What need not be on disk, a lease, is work for the background.
        foreground = sum(job.weight for job in jobs if job.durable)
        background = sum(job.weight for job in jobs) - foreground
        if room := self._turns.room(began):
            jobs += (others := self._take(self._lanes[1], max(1, room - background), late))
            background += sum(job.weight for job in others)
        try:
            moved_to = self._moved_to() if is_sealed else None
            if moved_to is not None:
                self._broken = f"The store has moved to {moved_to}."
                raise ReadOnly(self._broken)
            self._transact(jobs, now_ms)
        except Exception as error:  # noqa: BLE001 - the thread must live, and everybody gets an answer
            self._fail(jobs, error)
        self._turns.wrote(foreground, background, began=began, ended=time.monotonic())
        return jobs + late

    @staticmethod
    def _take(lane: deque[Job], weight: int, late: list[Job]) -> list[Job]:
        """The first jobs of a lane, up to a weight; those whose deadline has passed are put aside."""
        now = time.monotonic()
        jobs: list[Job] = []
        while lane and weight > 0:
            job = lane.popleft()
            if not job.claim():
                continue
            if job.begins_by < now:
                job.error = _too_late()
                late.append(job)
            else:
                jobs.append(job)
                weight -= job.weight
        return jobs

    def _transact(self, jobs: list[Job], now_ms: int) -> None:
        """Commit jobs together. Raises what concerns all of them; what concerns one is kept with it."""
        if not jobs:
            return
        transaction = self._transaction
        durable = _must_be_synced(jobs)
        try:
            transaction.begin(now_ms, durable=durable)
            results = transaction.run([job.act for job in jobs])
            transaction.commit()
        except (*DAMAGE, apsw.BusyError):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it must be found out whose fault it is
            transaction.rollback()
        else:
            for job, result in zip(jobs, results, strict=True):
                job.result = result
            return
        transaction.begin(now_ms, durable=durable)
        for job in jobs:
            try:
                [job.result] = transaction.run_part([job.act])
            except (*DAMAGE, apsw.BusyError):
                raise
            except Exception as error:  # noqa: BLE001 - it goes to whoever asked for this job
                job.error = error
        transaction.commit()

    def _fail(self, jobs: list[Job], error: Exception) -> None:
        """Nothing of the group was done: undo it, and tell everybody."""
        log.error("A group of %d jobs of the writer %s failed.", len(jobs), self._name, exc_info=error)
        try:
            self._transaction.rollback()
        except apsw.Error:
            log.exception("The group could not be rolled back.")
            self._broken = "A write to the disk failed and could not be undone."
        if isinstance(error, apsw.FullError):
            self._no_room = "The disk is full."
            self._room_checked = time.monotonic()
        elif isinstance(error, DAMAGE):
            self._broken = "A write to the disk failed; writing is taken up again after a restart."
        for job in jobs:
            job.error = self._sentence(error)

    def _sentence(self, error: Exception) -> Unavailable:
        if isinstance(error, (*DAMAGE, OSError, ReadOnly)):
            reason = self._broken or self._no_room or "The disk failed."
            return ReadOnly(f"Nothing can be written now. {reason}", cause=error, retry_after=5)
        return Unavailable("This could not be written now.", cause=error, retry_after=1)

    def _hand_out(self, jobs: list[Job]) -> None:
        """Answer a group, what must be on disk once it is there."""
        if _must_be_synced(jobs):
            self._deliver(jobs)
            return
        waiting = [job for job in jobs if job.durable and job.error is None]
        if len(waiting) < len(jobs):
            self._deliver([job for job in jobs if not job.durable or job.error is not None])
        if waiting:
            self._sync.later(waiting)

    def _synced(self, jobs: list[Job], error: OSError | None) -> None:
        """What these jobs have written is on disk, or will never be for sure."""
        if error is not None:
            log.error("What %d jobs of the writer %s wrote may be lost.", len(jobs), self._name, exc_info=error)
            self._broken = "A write to the disk failed; writing is taken up again after a restart."
            for job in jobs:
                job.error = self._sentence(error)
        self._deliver(jobs)

    def _deliver(self, jobs: list[Job]) -> None:
        now = time.monotonic()
        for job in jobs:
            if job.durable and job.error is None and not job.is_background:
                self.commit_seconds += _SMOOTHING * (now - job.arrived - self.commit_seconds)
                break
        self._loop.call_soon_threadsafe(self._answer, jobs)


def _must_be_synced(jobs: list[Job]) -> bool:
    """Whether a group is on disk before anybody sees it: one of the foreground, unless it need never be there."""
    return any(job.durable and not job.is_background for job in jobs)


def _too_late() -> DeadlineExceeded:
    return DeadlineExceeded("The server is too busy to write this now.", retry_after=1)
