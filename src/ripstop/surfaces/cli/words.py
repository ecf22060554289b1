"""How commands write things."""

from datetime import UTC, datetime


def instant(milliseconds: int) -> str:
    """An instant in milliseconds since the Unix epoch."""
    return f"{datetime.fromtimestamp(milliseconds / 1_000, UTC):%Y-%m-%d %H:%M} UTC"
