"""A connection to a helper process, for whoever must not do its work in his own."""

import asyncio
from pathlib import Path
from typing import Generic, TypeVar

from ripstop.kernel.errors import Overloaded, Unavailable
from ripstop.processes.jobs import Codec, Question
from ripstop.processes.listener import short_path

J = TypeVar("J")
A = TypeVar("A")


class HelperClient(Generic[J, A]):
    """One process's connection to a helper, made when it is first needed, and again when the helper was restarted.

    :param path: the helper's Unix socket.
    :param busy: what to say when too many jobs wait.
    :param gone: what to say when there is no helper.
    """

    def __init__(self, path: Path, codec: Codec[J, A], *, busy: str, gone: str) -> None:
        self._path = path
        self._codec = codec
        self._busy = busy
        self._gone = gone
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[A | None]] = {}
        self._number = 0

    async def ask(self, job: J) -> A:
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
                raise Overloaded(self._busy, retry_after=5)
            return answer
        raise Unavailable(self._gone, cause="no helper", retry_after=5)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._listening is not None:
            await self._listening

    async def _ask_once(self, job: J) -> A | None:
        writer = await self._connect()
        self._number += 1
        number = self._number
        answer: asyncio.Future[A | None] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            writer.write(self._codec.frame(Question(number, job)))
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
        while (body := await self._codec.read_frame(reader)) is not None:
            reply = self._codec.replies.decode(body)
            answer = self._answers.get(reply.number)
            if answer is not None and not answer.done():
                answer.set_result(reply.answer)
        self._writer = None
        writer.close()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the helper is gone"))
