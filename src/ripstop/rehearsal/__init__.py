"""The launch rehearsal: a crowd that signs up, follows, posts, likes and reads, and then checks every effect.

It speaks HTTP only, to a server on this machine only, and keeps a ledger of all that the server acknowledged.

- `Crowd(url, plan).run()` makes the traffic that a `Plan` describes and returns an `Outcome` with its `Ledger`.
- `verify(url, ledger)` holds the server to the ledger and returns a `Verdict`.
"""

from __future__ import annotations

from ripstop.rehearsal.crew import Outcome
from ripstop.rehearsal.crowd import Crowd, RehearsalError
from ripstop.rehearsal.ledger import Ledger
from ripstop.rehearsal.plan import Plan, Rates
from ripstop.rehearsal.target import NotLoopbackError
from ripstop.rehearsal.verdict import Verdict
from ripstop.rehearsal.verify import verify

__all__ = ["Crowd", "Ledger", "NotLoopbackError", "Outcome", "Plan", "Rates", "RehearsalError", "Verdict", "verify"]
