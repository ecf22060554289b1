"""How soon a post is seen in its followers' homes while others post as fast as they are answered."""

from __future__ import annotations

import asyncio
import random

import msgspec

from bench.dataset import Dataset, write_post
from bench.load import Loop, Source
from bench.rows import HOME
from ripstop.rehearsal.latency import Latencies
from ripstop.rehearsal.pool import Pool, clock
from ripstop.rehearsal.target import Target
from ripstop.rehearsal.texts import draw_text

WATCHED = 3
POLL_SECONDS = 0.002
GIVE_UP_SECONDS = 30.0
PAUSE_SECONDS = 0.05


class Visibility(msgspec.Struct, kw_only=True):
    """Milliseconds from the answer to a post until a follower's home shows it; `unseen` never did in 30 s."""

    samples: int
    unseen: int
    p50_ms: float
    p99_ms: float
    others_per_second: float


async def measure_visibility(
    target: Target, data: Dataset, sources: list[Source], *, seconds: float, rng: random.Random
) -> Visibility:
    """Post as person 0 and poll the homes of three followers, while `sources` post in a closed loop.

    A delay cannot read as less than one read of home, which is polled about every 2 ms.
    """
    poster = data.people[0]
    # Person n follows the next ones in the ring, so those who follow person 0 are the last ones.
    followers = data.people[-data.shape.follows :]
    watched = [followers[0], followers[len(followers) // 2], followers[-1]][:WATCHED]
    delays, unseen = Latencies(), 0
    async with Pool(target, size=len(sources)) as busy, Pool(target, size=WATCHED + 1) as calm:

        async def seen(token: str, needle: bytes, since: float) -> bool:
            while clock() - since < GIVE_UP_SECONDS:
                answer = await calm.call("GET", HOME, token=token)
                if needle in answer.body:
                    delays.record(clock() - since)
                    return True
                await asyncio.sleep(POLL_SECONDS)
            return False

        loop = Loop(busy, sources)
        others = asyncio.create_task(loop.run(seconds))
        while not others.done():
            post = await write_post(calm, poster, draw_text(rng, 120))
            since = clock()
            needle = f'"id":"{post}"'.encode()
            found = await asyncio.gather(*(seen(person.token, needle, since) for person in watched))
            unseen += found.count(False)
            await asyncio.sleep(PAUSE_SECONDS)
        took = await others
    return Visibility(
        samples=delays.count + unseen,
        unseen=unseen,
        p50_ms=round(delays.percentile(0.5) * 1e3, 1),
        p99_ms=round(delays.percentile(0.99) * 1e3, 1),
        others_per_second=round(loop.latencies.count / took, 1),
    )
