"""Functions as they are declared, and calls as they are put."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from ripstop.engines.base import Criticality
from ripstop.machinery.functions import Call, Done, Function, Functions, Outcome, call_put
from ripstop.machinery.functions.pacing import Pace, backoff
from tests.unit.functions.yard import Note


async def handler(call: Call[Note]) -> Outcome:
    return Done()


def declared(**attributes: Any) -> Function[Note]:
    return Function(**{"name": "send", "arguments": Note, "handler": handler, **attributes})


def test_a_call_carries_what_its_function_says() -> None:
    function = declared(criticality=Criticality.LOW, deadline=90.0)
    put = call_put(function, Note("hi", 3), id=5, now_ms=1_000, key="k")
    assert (put.id, put.function, put.key, put.due) == (5, "send", "k", 0)
    assert put.arguments == '{"text":"hi","number":3}'
    assert (put.criticality, put.deadline) == (3, 91_000)


def test_the_deadline_of_a_later_call_counts_from_when_it_is_due() -> None:
    assert call_put(declared(deadline=10.0), Note(), id=5, now_ms=1_000, due=60_000).deadline == 70_000


def test_a_name_is_declared_once() -> None:
    functions = Functions([declared()])
    with pytest.raises(ValueError, match="send is declared twice"):
        functions.declare(declared())
    assert functions.names() == ["send"]
    assert functions.get("other") is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"name": ""},
        {"attempts": 0},
        {"concurrency": 0},
        {"time_limit": 0},
        {"deadline": -1},
        {"backoff_base": 0},
    ],
)
def test_a_function_that_makes_no_sense_is_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        declared(**attributes)


def test_arguments_are_a_struct() -> None:
    with pytest.raises(TypeError, match="msgspec Struct"):
        declared(arguments=dict)


def test_the_back_off_doubles_to_its_cap_and_is_drawn_from_all_of_it() -> None:
    random = Random(5)
    for attempt, bound in [(1, 2.0), (2, 4.0), (5, 32.0), (9, 60.0), (5_000, 60.0)]:
        drawn = [backoff(attempt, base=2.0, cap=60.0, random=random) for _ in range(400)]
        assert 0 <= min(drawn) < bound * 0.05
        assert bound * 0.95 < max(drawn) <= bound


def test_a_pace_spreads_what_comes_at_once_up_to_its_horizon() -> None:
    pace = Pace()
    assert [pace.slot(1_000, interval=0.5, horizon=1.2) for _ in range(5)] == [1_000, 1_500, 2_000, 2_200, 2_200]
    assert pace.slot(60_000, interval=0.5, horizon=1.2) == 60_000
