"""Hashing passwords, for whoever must not wait for it in his own process: a client of the helper."""

import asyncio
from pathlib import Path
from typing import Protocol

from ripstop.processes.argon import do
from ripstop.processes.client import HelperClient
from ripstop.processes.jobs import HASHING, AnyJob, HashPassword, VerifyPassword

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


def hashing_client(path: Path) -> HelperClient[AnyJob, str | bool]:
    """A client of the helper at this socket."""
    return HelperClient(
        path,
        HASHING,
        busy="Too many passwords wait to be checked. Please try again in a moment.",
        gone="Passwords cannot be checked at the moment.",
    )


class Hasher:
    """argon2id in the helper process."""

    def __init__(self, client: HelperClient[AnyJob, str | bool]) -> None:
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
