"""The HTTP client for whatever others name: bounded in time, size and steps, and held back from private addresses."""

import asyncio
from collections.abc import Collection
from types import TracebackType
from typing import TYPE_CHECKING

from ripstop.kernel.metrics import Metrics
from ripstop.machinery.outbound.answers import Answer, Limits, TooMuch, Unreachable
from ripstop.machinery.outbound.guard import Guard, Refused

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from ripstop.machinery.outbound.connections import Connections


class Outbound:
    """Asks other servers. To be closed; opens nothing before it is asked.

    :param agent: what it calls itself: the program, and the server on whose behalf.
    :param resolver: instead of that of the machine.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        agent: str,
        metrics: Metrics,
        limits: Limits | None = None,
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        self.limits = limits or Limits()
        self._guard = guard
        self._agent = agent
        self._resolver = resolver
        self._connections: Connections | None = None
        requests = metrics.counter(
            "ripstop_outbound_requests_total", "Requests to other servers, by result.", ["result"]
        )
        self._answered, self._refused, self._failed = (
            requests.cell(result) for result in ("answered", "refused", "failed")
        )

    async def __aenter__(self) -> "Outbound":
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is open."""
        if self._connections is not None:
            await self._connections.close()

    async def get(
        self,
        url: str,
        *,
        accept: str = "*/*",
        most_bytes: int | None = None,
        kinds: Collection[str] = (),
        cut: bool = False,
    ) -> Answer:
        """What there is at a URL, after at most so many redirects.

        :param most_bytes: of the body, if that is less than the limit.
        :param kinds: types of which a body is wanted; that of any other is left where it is. Empty: all.
        :param cut: be content with the beginning of what is too large.
        :raises Refused: it, or something that it leads to, is not to be asked.
        :raises TooMuch: the body is too large.
        :raises Unreachable: nothing that can be understood came in time.
        """
        most = min(most_bytes or self.limits.bytes, self.limits.bytes)
        try:
            async with asyncio.timeout(self.limits.seconds):
                answer = await self._open().follow(url, accept, most, kinds, cut=cut)
        except Refused:
            self._refused.value += 1
            raise
        except (TooMuch, Unreachable):
            self._failed.value += 1
            raise
        except OSError as error:  # TimeoutError is one
            self._failed.value += 1
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        self._answered.value += 1
        return answer

    def _open(self) -> "Connections":
        if self._connections is None:
            # NOTE: not above, since aiohttp takes 13 MB, and of all processes only workers ask others, if any do.
            from ripstop.machinery.outbound.connections import Connections

            self._connections = Connections(self._guard, self.limits, agent=self._agent, resolver=self._resolver)
        return self._connections
