"""Calls that hash passwords end together."""

from __future__ import annotations

import asyncio

import pytest

from ripstop.domain.accounts.functions import Round


async def test_nobody_is_over_before_all_are() -> None:
    round_ = Round()
    slow = asyncio.Event()

    async def one(done: asyncio.Event | None) -> None:
        async with round_.together():
            await asyncio.sleep(0)
            if done is not None:
                await done.wait()

    tasks = [asyncio.ensure_future(one(None)), asyncio.ensure_future(one(slow))]
    for _ in range(5):
        await asyncio.sleep(0)
    assert round_.is_closed
    assert not any(task.done() for task in tasks)
    slow.set()
    await asyncio.gather(*tasks)


async def test_who_fails_holds_up_nobody() -> None:
    round_ = Round()

    async def one(*, fails: bool) -> None:
        async with round_.together():
            await asyncio.sleep(0)
            if fails:
                raise ValueError("no")

    good, bad = asyncio.ensure_future(one(fails=False)), asyncio.ensure_future(one(fails=True))
    await good
    with pytest.raises(ValueError, match="no"):
        await bad


async def test_who_is_cancelled_holds_up_nobody() -> None:
    round_ = Round()

    async def one(seconds: float) -> None:
        async with round_.together():
            await asyncio.sleep(seconds)

    good, stuck = asyncio.ensure_future(one(0)), asyncio.ensure_future(one(3_600))
    for _ in range(5):
        await asyncio.sleep(0)
    stuck.cancel()
    await good
