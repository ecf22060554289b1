"""Entities of how the server is, for programs of the staff."""

from typing import Literal

from ripstop.surfaces.mastodon.entities.base import Count, Entity, Id


class Finding(Entity, kw_only=True):
    """What was found about a topic, as a sentence, and where it is not fine, how to mend it."""

    topic: str
    state: Literal["fine", "warning", "wrong"]
    sentence: str
    remedy: str


class Findings(Entity, kw_only=True):
    """Everything that was found, the worst first."""

    findings: list[Finding]


class FunctionOverview(Entity, kw_only=True):
    """What is known of a background function."""

    waiting: Count
    ready: Count
    leased: Count
    dead: Count
    oldest_seconds: float | None
    running: Count
    starts: float
    held_back: list[str]
    steered: str | None
    arrivals: float | None
    retries: float
    deaths: float
    delay_p50: float | None
    delay_p99: float | None
    run_p50: float | None
    run_p99: float | None
    share: float
    rate_limit: float | None
    quota: float | None
    factor: float
    growth_limit: float | None


class FunctionOverviews(Entity, kw_only=True):
    """What is known of each, by name."""

    functions: dict[str, FunctionOverview]


class DeadCall(Entity, kw_only=True):
    """A call that failed for good."""

    id: Id
    attempt: Count
    namespace: str | None
    arguments: str
    error: str | None


class BackgroundFunction(FunctionOverview, kw_only=True):
    """A function, how it is steered, and some of its dead calls."""

    name: str
    paused: bool
    paused_namespaces: list[str]
    rate: float | None
    concurrency: int | None
    dead_calls: list[DeadCall]


class CallsEnded(Entity, kw_only=True):
    """How many calls were sent again, or dropped."""

    calls: Count
