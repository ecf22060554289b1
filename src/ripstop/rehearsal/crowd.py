"""The whole crowd: generator processes that arrive, mingle and make traffic together, and their merged ledger.

With `processes` at 1 the crowd runs in the calling process and its event loop; with more, each share is a process of
its own (`python -m ripstop.rehearsal.generator`), spoken to in frames over its standard input and output.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import string
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from ripstop.rehearsal.acts import Founder, Share
from ripstop.rehearsal.crew import Crew, Outcome
from ripstop.rehearsal.frames import read_frame, write_frame
from ripstop.rehearsal.plan import Plan
from ripstop.rehearsal.pool import Pool, UnansweredError
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.wire import Answer

SCOPES = "read write follow"
TRIES = 20
"""How often the application is registered again where a busy server sheds it, or one that is killed does not answer."""
PAUSE_SECONDS = 0.2


class RehearsalError(Exception):
    """The rehearsal could not be run; says why in a sentence."""


class _Token(msgspec.Struct):
    access_token: str


class _App(msgspec.Struct):
    client_id: str
    client_secret: str


class _Generator(Protocol):
    async def arrive(self) -> list[Founder]: ...
    async def mingle(self, founders: list[Founder]) -> None: ...
    async def traffic(self) -> None: ...


async def register_app(pool: Pool) -> str:
    """An application's own token (client credentials), with which people are signed up."""
    redirect = "urn:ietf:wg:oauth:2.0:oob"
    form = {"client_name": "Ripstop rehearsal", "redirect_uris": redirect, "scopes": SCOPES}
    app = msgspec.json.decode(await _insist(pool, "/api/v1/apps", form), type=_App)
    form = {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "redirect_uri": redirect,
        "scope": SCOPES,
    }
    return msgspec.json.decode(await _insist(pool, "/oauth/token", form), type=_Token).access_token


async def _insist(pool: Pool, path: str, form: dict[str, str]) -> bytes:
    """What is answered to a form that may be sent twice, by a server that may be killed meanwhile."""
    for _ in range(TRIES):
        with contextlib.suppress(UnansweredError):
            return _expect(await pool.call("POST", path, form=form, tries=TRIES))
        await asyncio.sleep(PAUSE_SECONDS)
    return _expect(await pool.call("POST", path, form=form))


class Crowd:
    """A rehearsal of `plan` against the server at `url`, which must be on this machine.

    Raises NotLoopbackError or ValueError at once for another address.
    """

    def __init__(self, url: str, plan: Plan) -> None:
        self._target = Target.from_url(url)
        self._url = url
        self._plan = plan

    async def run(self) -> Outcome:
        """Arrive, mingle, make traffic; all that was acknowledged is in the outcome's ledger.

        Raises RehearsalError when the server does not let an application register or a generator process dies, and
        UnansweredError when there is no server.
        """
        plan = self._plan
        async with Pool(self._target, size=1, patience=plan.patience) as pool:
            app_token = await register_app(pool)
        stem = plan.stem or "".join(secrets.choice(string.ascii_lowercase) for _ in range(6))
        shares = [
            Share(plan=plan, url=self._url, app_token=app_token, stem=stem, index=index, count=plan.processes)
            for index in range(plan.processes)
        ]
        merged = Outcome()
        async with contextlib.AsyncExitStack() as stack:
            if plan.processes == 1:
                crew = await stack.enter_async_context(Crew(shares[0]))
                await self._play([crew])
                return crew.outcome()
            remotes = [await stack.enter_async_context(_remote(share)) for share in shares]
            await self._play(remotes)
            for outcome in await asyncio.gather(*(remote.outcome() for remote in remotes)):
                merged.merge(outcome)
        return merged

    async def _play(self, crews: Sequence[_Generator]) -> None:
        """The three parts, each begun by all when all have ended the one before."""
        arrived = await asyncio.gather(*(crew.arrive() for crew in crews))
        founders = [founder for share in arrived for founder in share]
        if len(founders) < 2:
            raise RehearsalError(f"Of {self._plan.people} people, {len(founders)} could sign up: too few for a crowd.")
        await asyncio.gather(*(crew.mingle(founders) for crew in crews))
        await asyncio.gather(*(crew.traffic() for crew in crews))


class _RemoteCrew:
    """A crew in another process. Each call is one frame there and one back."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def start(self, share: Share) -> None:
        await self._ask("share", msgspec.msgpack.encode(share))

    async def arrive(self) -> list[Founder]:
        return msgspec.msgpack.decode(await self._ask("arrive"), type=list[Founder])

    async def mingle(self, founders: list[Founder]) -> None:
        await self._ask("mingle", msgspec.msgpack.encode(founders))

    async def traffic(self) -> None:
        await self._ask("traffic")

    async def outcome(self) -> Outcome:
        return msgspec.msgpack.decode(await self._ask("outcome"), type=Outcome)

    async def _ask(self, word: str, argument: bytes = b"") -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            await write_frame(self._process.stdin, word.encode())
            await write_frame(self._process.stdin, argument)
            return await read_frame(self._process.stdout)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise RehearsalError(f"A generator process ended during {word!r}; its message is above.") from error


@contextlib.asynccontextmanager
async def _remote(share: Share) -> AsyncIterator[_RemoteCrew]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ripstop.rehearsal.generator",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        remote = _RemoteCrew(process)
        await remote.start(share)
        yield remote
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _expect(answer: Answer) -> bytes:
    if not answer.ok:
        raise RehearsalError(f"The server answered {answer.status} where it had to let the crowd in: {answer.body!r}")
    return answer.body
