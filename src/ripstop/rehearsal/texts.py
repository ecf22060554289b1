"""What the crowd writes: plain words, drawn from a seed."""

from __future__ import annotations

import random

HASHTAGS = ("introductions", "photography", "cats", "gardening", "music", "trains")
_WORDS = """
morning river coffee ladder window garden market paper train evening music kitchen harbour letter winter summer
bicycle mountain island teacher neighbour question answer story picture weather station bridge lantern orchard
silver gentle quiet early late bright narrow sudden honest patient curious careful slowly often never always
"""


def draw_text(rng: random.Random, characters: int) -> str:
    """Words of at most `characters` characters in all, and hardly fewer."""
    words = _WORDS.split()
    drawn = rng.choices(words, k=characters // 4 + 1)
    return " ".join(drawn)[:characters].rstrip()
