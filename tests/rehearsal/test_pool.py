"""Connections, and what becomes of acts whose requests are shed or die, against a small real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from ripstop.rehearsal.pool import Pool, UnansweredError, clock
from ripstop.rehearsal.sender import Attempt, Sender
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.wire import Answer
from tests.world import PATIENCE

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SHED = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"
GONE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
CUT = b""
"""The connection is closed instead of an answer."""


class Script:
    """A server that answers with the next of its lines, then with OK, and keeps what it was asked."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0) if self.answers else OK
                if answer == CUT:
                    return
                writer.write(answer)


@contextlib.asynccontextmanager
async def running(script: Script, *, size: int = 2, **pool: float) -> AsyncIterator[Pool]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with Pool(Target.from_url(f"http://127.0.0.1:{port}"), size=size, **pool) as opened:
            yield opened
    finally:
        server.close()


async def settled(
    pool: Pool, *, patience: float = PATIENCE, patient: bool = True
) -> tuple[Sender, Attempt, Answer | None]:
    """One act through all its tries."""
    sender = Sender(pool, patience=patience)
    outcome: list[Answer | None] = []
    request = pool.target.request("POST", "/act")
    attempt = Attempt("act", request, lambda _, answer: outcome.append(answer), due=clock(), patient=patient)
    sender.send(attempt)
    assert await sender.drained(2 * PATIENCE)
    [answer] = outcome
    return sender, attempt, answer


async def test_connections_are_kept_and_bounded() -> None:
    script = Script()
    async with running(script, size=3) as pool:
        answers = await asyncio.gather(*(pool.call("GET", f"/{number}") for number in range(50)))
    assert [answer.body for answer in answers] == [b"ok"] * 50
    assert len(script.requests) == 50
    assert script.connections <= 3


async def test_a_request_without_an_answer_is_told_apart() -> None:
    script = Script(CUT)
    async with running(script) as pool:
        with pytest.raises(UnansweredError):
            await pool.call("GET", "/")
        assert (await pool.call("GET", "/")).ok


async def test_an_overdue_answer_cuts_its_connection() -> None:
    script = Script(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnot all")
    async with running(script, timeout=0.1) as pool:
        with pytest.raises(UnansweredError):
            await pool.call("GET", "/")


async def test_nothing_that_listens_ends_without_an_answer() -> None:
    script = Script()
    async with running(script) as pool:
        unused = Target(address="127.0.0.1", port=1, host="127.0.0.1:1")
        async with Pool(unused, size=1, patience=0.1) as nowhere:
            with pytest.raises(UnansweredError):
                await nowhere.call("GET", "/")
        assert (await pool.call("GET", "/")).ok


async def test_a_call_may_be_tried_again_where_it_did_nothing() -> None:
    script = Script(SHED, CUT, SHED)
    async with running(script) as pool:
        assert (await pool.call("GET", "/", tries=4)).ok
    assert len(script.requests) == 4


async def test_a_write_that_may_have_happened_is_not_called_again() -> None:
    script = Script(SHED, CUT)
    async with running(script) as pool:
        with pytest.raises(UnansweredError):
            await pool.call("POST", "/", tries=4)
        assert len(script.requests) == 2
        script.answers = [SHED, SHED]
        assert (await pool.call("POST", "/", tries=2)).status == 503


async def test_what_was_shed_is_tried_again_and_counted_apart() -> None:
    async with running(Script(SHED, SHED)) as pool:
        sender, attempt, answer = await settled(pool)
    tally = sender.tallies["act"]
    assert answer is not None
    assert answer.ok
    assert (tally.begun, tally.done, tally.shed, tally.unanswered, tally.refused) == (1, 1, 2, 0, {})
    assert not attempt.doubt


async def test_an_answer_that_came_after_a_lost_one_leaves_a_doubt() -> None:
    async with running(Script(CUT, GONE)) as pool:
        sender, attempt, answer = await settled(pool)
    tally = sender.tallies["act"]
    assert answer is not None
    assert answer.status == 404
    assert attempt.doubt
    assert (tally.unanswered, tally.refused, tally.in_doubt) == (1, {"404": 1}, 0)


@pytest.mark.parametrize("answers", [(CUT,), (BROKEN,)])
async def test_what_may_have_happened_is_in_doubt_when_patience_ends(answers: tuple[bytes, ...]) -> None:
    async with running(Script(*answers)) as pool:
        sender, _, answer = await settled(pool, patience=0.0)
    assert answer is None
    assert sender.tallies["act"].in_doubt == 1


async def test_an_answer_that_cannot_be_read_is_a_finding_and_not_the_end() -> None:
    async with running(Script(OK)) as pool:
        sender = Sender(pool, patience=PATIENCE)
        request = pool.target.request("GET", "/")
        sender.send(Attempt("act", request, lambda _, answer: msgspec.json.decode(answer.body), due=clock()))  # type: ignore[union-attr] # it is answered
        assert await sender.drained(PATIENCE)
    assert sender.tallies["act"].refused == {"unreadable": 1}


@pytest.mark.parametrize("first", [SHED, CUT])
async def test_reads_are_not_tried_again(first: bytes) -> None:
    script = Script(first)
    async with running(script) as pool:
        await settled(pool, patient=False)
    assert len(script.requests) == 1


async def test_latency_counts_from_when_the_act_was_due() -> None:
    finished = asyncio.Event()
    act: Callable[[Attempt, Answer | None], None] = lambda *_: finished.set()  # noqa: E731 typed once, used once
    async with running(Script()) as pool:
        sender = Sender(pool, patience=PATIENCE)
        sender.send(Attempt("act", pool.target.request("GET", "/"), act, due=clock() - 3.0))
        await finished.wait()
    tally = sender.tallies["act"]
    assert tally.latency.longest >= 3.0
    assert tally.service.longest < tally.latency.longest
