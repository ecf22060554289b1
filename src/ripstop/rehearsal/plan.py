"""What a rehearsal does: how many people, how fast, for how long."""

from __future__ import annotations

import msgspec


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How often each thing is begun, per second over the whole crowd; in a closed loop, the weights."""

    sign_up: float = 5.0
    follow: float = 20.0
    unfollow: float = 2.0
    post: float = 40.0
    delete: float = 2.0
    like: float = 60.0
    unlike: float = 6.0
    boost: float = 0.0
    home: float = 200.0
    local: float = 20.0

    def scaled(self, factor: float) -> Rates:
        return Rates(**{name: rate * factor for name, rate in msgspec.structs.asdict(self).items()})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A bounded, reproducible rehearsal.

    `people` sign up first and follow each other along the graph; then the traffic runs for `seconds`, and for at most
    `requests` requests. In an open loop (the default) requests begin when the rates say, whether or not earlier ones
    were answered; in a closed loop each connection begins its next request when the last one was answered.
    The same seed draws the same graph, and with the same number of `processes` the same order of acts.
    """

    people: int = 200
    follows: float = 15.0
    """The mean number of accounts that one person follows."""
    popularity: float = 1.0
    """Exponent of the Zipf law of who is followed: the account of rank r is drawn in proportion to r**-popularity."""
    seconds: float = 20.0
    requests: int = 1_000_000
    closed_loop: bool = False
    processes: int = 2
    connections: int = 16
    """Connections of each process."""
    seed: int = 1
    stem: str = ""
    """What user names start with; drawn afresh when empty, so that a rehearsal can be repeated on one server."""
    rates: Rates = Rates()
    reply_share: float = 0.2
    mention_share: float = 0.2
    hashtag_share: float = 0.15
    timeout: float = 30.0
    """Seconds after which a request without an answer is given up, and its connection cut."""
    patience: float = 30.0
    """Seconds that writes are tried again which died without an answer or were told to come back later."""

    def __post_init__(self) -> None:
        checks = (
            (2 <= self.people <= 1_000_000, "people must be between 2 and 1,000,000"),
            (1 <= self.processes <= 64, "processes must be between 1 and 64"),
            (1 <= self.connections <= 1024, "connections must be between 1 and 1,024 for each process"),
            (0 < self.seconds <= 3600, "seconds must be more than 0 and at most 3,600"),
            (0 < self.requests <= 100_000_000, "requests must be between 1 and 100,000,000"),
            (self.follows >= 0, "follows must not be negative"),
            (0 <= self.popularity <= 3, "popularity must be between 0 and 3"),
            (all(rate >= 0 for rate in msgspec.structs.astuple(self.rates)), "rates must not be negative"),
            (len(self.stem) <= 12 and (not self.stem or self.stem.isidentifier()), "stem must be a short plain name"),
        )
        for holds, sentence in checks:
            if not holds:
                raise ValueError(f"The rehearsal cannot run: {sentence}.")
