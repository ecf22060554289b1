"""Instants and days as the API writes them."""

from datetime import UTC, datetime
from functools import lru_cache

_DAY_MS = 86_400_000


def instant(ms: int) -> str:
    """Milliseconds since the Unix epoch as ``2026-11-22T13:39:00.000Z``."""
    seconds, milliseconds = divmod(ms % _DAY_MS, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day(ms // _DAY_MS)}T{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}Z"


def day(ms: int) -> str:
    """The day of an instant in milliseconds since the Unix epoch, as ``2026-11-22``."""
    return _day(ms // _DAY_MS)


@lru_cache(maxsize=4_096)
def _day(number: int) -> str:
    """Kept, since calendars are slow and posts of one page share few days."""
    return datetime.fromtimestamp(number * 86_400, UTC).strftime("%Y-%m-%d")
