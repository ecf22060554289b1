"""The function platform: durable calls, run at least once, with their effect in the store exactly once."""

from ripstop.machinery.functions.function import CALLS_TOPIC, Call, Function, Functions, call_put
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.outcome import MAX_PARTS, Cancel, Checkpoint, Done, Outcome, Retry, Snooze, Split
from ripstop.machinery.functions.worker import Limits, Worker

__all__ = [
    "CALLS_TOPIC",
    "MAX_PARTS",
    "Call",
    "CallMetrics",
    "Cancel",
    "Checkpoint",
    "Done",
    "Function",
    "Functions",
    "Limits",
    "Outcome",
    "Retry",
    "Snooze",
    "Split",
    "Worker",
    "call_put",
]
