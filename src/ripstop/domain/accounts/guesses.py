"""Counting guesses at what only the owner of an account knows, so that nobody has many."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ripstop.engines.base import Engine
from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import TooManyRequests
from ripstop.machinery.keyspaces import Counters

WINDOW_SECONDS = 900
"""Failures are counted from one quarter of an hour to the next."""

FAILURES = Counters("login_failures", ttl=WINDOW_SECONDS)
"""Failures by window and digest of whom they are counted against. Attempts under way count as failures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuessLimits:
    """Failures in a window; 0: without bound."""

    here: int = 10
    """With one login from one network."""
    login: int = 100
    """With one login from all networks: what NIST SP 800-63B, section 3.2.2, allows. It is far above `here`, so that
    it takes a crowd of machines to lock somebody out of their own account."""
    network: int = 50
    """Of one network with any logins."""
    codes: int = 10
    """Of second factors of one account, by whoever knows its password. Of a million codes three are good at a time."""


class Guesses:
    """Counts attempts over all processes. Each costs two engine calls, and a third if it succeeds."""

    def __init__(self, engine: Engine, clock: Clock, limits: GuessLimits) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits

    async def begin(self, login: str, network: str) -> list[str]:
        """Count an attempt at a password as failed until it has not. The answer is what `forget` takes back.

        :param login: as it was typed, so that nobody learns which name and which address belong together.
        :param network: where it comes from, or empty if that is not known.
        :raises TooManyRequests: there were too many.
        """
        most: dict[tuple[str, ...], int] = {
            ("login", login): self._limits.login,
            ("here", login, network): self._limits.here,
        }
        if network:
            most["network", network] = self._limits.network
        return await self._count(most)

    async def begin_code(self, account: int, network: str) -> list[str]:
        """The same for a second factor of an account.

        :raises TooManyRequests: there were too many.
        """
        most: dict[tuple[str, ...], int] = {("code", str(account)): self._limits.codes}
        if network:
            most["network", network] = self._limits.network
        return await self._count(most)

    async def forget(self, attempt: list[str]) -> None:
        """It has not failed."""
        await FAILURES.add(self._engine, dict.fromkeys(attempt, -1))

    async def _count(self, most: Mapping[tuple[str, ...], int]) -> list[str]:
        now = self._clock.now_ms() // 1_000
        window = now // WINDOW_SECONDS
        limits = {_key(window, *whom): limit for whom, limit in most.items() if limit}
        if not limits:
            return []
        await FAILURES.add(self._engine, dict.fromkeys(limits, 1))
        counts = await FAILURES.get(self._engine, list(limits))
        if any(counts[key] > limit for key, limit in limits.items()):
            left = (window + 1) * WINDOW_SECONDS - now
            raise TooManyRequests("Too many attempts failed. Please wait a while.", retry_after=left)
        return list(limits)


def _key(window: int, *whom: str) -> str:
    """Of fixed length, and telling nothing to whoever reads the keyspace."""
    digest = hashlib.sha256("\n".join(whom).encode()).hexdigest()
    return f"{window}/{digest}"
