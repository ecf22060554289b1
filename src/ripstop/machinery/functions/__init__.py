"""The function platform: durable calls, run at least once, with their effect in the store exactly once."""

from ripstop.machinery.functions.caller import Caller
from ripstop.machinery.functions.downstream import Pressure
from ripstop.machinery.functions.function import (
    CALLS_TOPIC,
    Attributes,
    Call,
    Function,
    Functions,
    call_put,
    declare,
)
from ripstop.machinery.functions.growth import SlowStart
from ripstop.machinery.functions.keyspaces import KEYSPACES
from ripstop.machinery.functions.metrics import CallMetrics
from ripstop.machinery.functions.outcome import (
    MAX_PARTS,
    Cancel,
    Checkpoint,
    Done,
    Fail,
    Outcome,
    Progress,
    Retry,
    Snooze,
    Split,
)
from ripstop.machinery.functions.report import Overview, overview
from ripstop.machinery.functions.results import CallCancelled, CallDied, NoResult, ResultLost
from ripstop.machinery.functions.schedule import Schedule
from ripstop.machinery.functions.worker import Limits, Worker

__all__ = [
    "CALLS_TOPIC",
    "KEYSPACES",
    "MAX_PARTS",
    "Attributes",
    "Call",
    "CallCancelled",
    "CallDied",
    "CallMetrics",
    "Caller",
    "Cancel",
    "Checkpoint",
    "Done",
    "Fail",
    "Function",
    "Functions",
    "Limits",
    "NoResult",
    "Outcome",
    "Overview",
    "Pressure",
    "Progress",
    "ResultLost",
    "Retry",
    "Schedule",
    "SlowStart",
    "Snooze",
    "Split",
    "Worker",
    "call_put",
    "declare",
    "overview",
]
