"""One thing that was looked at."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How things stand."""

    FINE = "fine"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True):
    """What was found about `topic`, as a sentence, and where it is not fine, how to mend it."""

    topic: str
    state: State
    sentence: str
    remedy: str = ""


def fine(topic: str, sentence: str) -> Finding:
    return Finding(topic, State.FINE, sentence)


def warning(topic: str, sentence: str, remedy: str) -> Finding:
    return Finding(topic, State.WARNING, sentence, remedy)


def wrong(topic: str, sentence: str, remedy: str) -> Finding:
    return Finding(topic, State.WRONG, sentence, remedy)


def short(seconds: float) -> str:
    """A time as a figure of three digits, in seconds or milliseconds."""
    if seconds >= 0.9995:
        return f"{seconds:.3g} s" if seconds < 99.95 else f"{seconds:.0f} s"
    return f"{seconds * 1000:.3g} ms"


def duration(seconds: float) -> str:
    """A time in words, in the largest unit that it has at least two of."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
