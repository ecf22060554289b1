"""Who follows whom: a heavy-tailed graph that any process can draw its own part of.

Both ends have a heavy tail, as on every network of the kind: most people follow a few and some follow very many (a
Pareto law), and whom they follow is drawn by Zipf's law over the rank of popularity, so a few are followed by nearly
everybody. Each person's follows are drawn from the seed and the person's own number, hence they do not depend on how
the crowd is split into processes.
"""

from __future__ import annotations

import bisect
import itertools
import random

TAIL = 1.8
"""Exponent of the Pareto law of how many accounts a person follows; below 2 its variance has no bound."""
DRAWS_PER_FOLLOW = 20


class Graph:
    """The follow graph over persons 0 to `people` - 1; a person's number is also the rank of popularity."""

    def __init__(self, *, people: int, follows: float, popularity: float, seed: int) -> None:
        self.people = people
        self._mean = follows
        self._seed = seed
        self._weights = list(itertools.accumulate((rank + 1) ** -popularity for rank in range(people)))

    def draw(self, rng: random.Random) -> int:
        """A person, drawn by popularity."""
        return bisect.bisect_left(self._weights, rng.random() * self._weights[-1])

    def targets(self, person: int) -> list[int]:
        """Whom a person follows: distinct, never the person; persons past `people` may ask too (newcomers)."""
        rng = random.Random(f"{self._seed}:{person}")
        wanted = min(self._degree(rng), self.people - 1)
        chosen: dict[int, None] = {}
        for _ in range(DRAWS_PER_FOLLOW * wanted):
            if len(chosen) == wanted:
                break
            target = self.draw(rng)
            if target != person:
                chosen[target] = None
        return list(chosen)

    def _degree(self, rng: random.Random) -> int:
        """The mean of a Pareto variable of least value m is m * TAIL / (TAIL - 1); rounded at random, to keep it."""
        least = self._mean * (TAIL - 1) / TAIL
        return int(rng.paretovariate(TAIL) * least + rng.random())
