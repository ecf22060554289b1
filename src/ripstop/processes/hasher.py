"""Hashing passwords, for whoever must not wait for it in his own process: a client of the helper."""

import asyncio
from pathlib import Path
from typing import Protocol

from ripstop.kernel.errors import Overloaded, Unavailable
from ripstop.processes.argon import do
from ripstop.processes.jobs import CODEC, AnyJob, HashPassword, Question, VerifyPassword, frame, read_frame
from ripstop.processes.listener import short_path

MAX_PASSWORD = 1024
"""Characters of a password; a longer one is no password but an attack."""


class PasswordHasher(Protocol):
    """Makes and checks hashes of passwords without blocking the event loop."""

    async def hash(self, password: str) -> str:
        """An encoded hash with a fresh salt.

        :raises Unavailable: not now.
        """
        ...

    async def verify(self, password: str, encoded: str) -> bool:
        """Whether `encoded` is a hash of the password.

        :raises Unavailable: not now.
        """
        ...


class HelperClient:
    """One process's connection to the helper, made when it is first needed, and again when the helper was restarted.

    :param path: the helper's Unix socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[str | bool | None]] = {}
        self._number = 0

    async def ask(self, job: AnyJob) -> str | bool:
        """The job's answer.

        :raises Overloaded: too many jobs wait.
        :raises Unavailable: the helper cannot be reached, or died over this job twice.
        """
        for _ in range(2):
            try:
                answer = await self._ask_once(job)
            except ConnectionError:
                continue
            if answer is None:
                raise Overloaded("Too many passwords wait to be checked. Please try again in a moment.", retry_after=5)
            return answer
        raise Unavailable("Passwords cannot be checked at the moment.", cause="no helper", retry_after=5)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._listening is not None:
            await self._listening

    async def _ask_once(self, job: AnyJob) -> str | bool | None:
        writer = await self._connect()
        self._number += 1
        number = self._number
        answer: asyncio.Future[str | bool | None] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            writer.write(frame(Question(number, job)))
            return await answer
        finally:
            self._answers.pop(number, None)

    async def _connect(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                try:
                    with short_path(self._path) as path:
                        reader, self._writer = await asyncio.open_unix_connection(path)
                except OSError as error:
                    raise ConnectionError(str(error)) from error
                self._listening = asyncio.ensure_future(self._listen(reader, self._writer))
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand out replies until the helper goes; then whoever waits must ask anew."""
        while (body := await read_frame(reader)) is not None:
            reply = CODEC.replies.decode(body)
            answer = self._answers.get(reply.number)
            if answer is not None and not answer.done():
                answer.set_result(reply.answer)
        self._writer = None
        writer.close()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the helper is gone"))


class Hasher:
    """argon2id in the helper process."""

    def __init__(self, client: HelperClient) -> None:
        self._client = client

    async def hash(self, password: str) -> str:
        return str(await self._client.ask(HashPassword(password)))

    async def verify(self, password: str, encoded: str) -> bool:
        return len(password) <= MAX_PASSWORD and bool(await self._client.ask(VerifyPassword(password, encoded)))


class ThreadHasher:
    """argon2id in a thread of this process, for programs that have no supervisor to start a helper."""

    async def hash(self, password: str) -> str:
        return str(await asyncio.to_thread(do, HashPassword(password)))

    async def verify(self, password: str, encoded: str) -> bool:
        return bool(await asyncio.to_thread(do, VerifyPassword(password, encoded)))
