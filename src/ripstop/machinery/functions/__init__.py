"""The function platform: durable calls, run at least once, with their effect in the store exactly once."""

from ripstop.machinery.functions.function import CALLS_TOPIC, Call, Function, Functions, call_put
from ripstop.machinery.functions.outcome import MAX_PARTS, Cancel, Checkpoint, Done, Outcome, Retry, Snooze, Split

__all__ = [
    "CALLS_TOPIC",
    "MAX_PARTS",
    "Call",
    "Cancel",
    "Checkpoint",
    "Done",
    "Function",
    "Functions",
    "Outcome",
    "Retry",
    "Snooze",
    "Split",
    "call_put",
]
