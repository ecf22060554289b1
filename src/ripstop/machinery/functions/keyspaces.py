"""The derived data of this package."""

from ripstop.machinery.functions.growth import STARTED
from ripstop.machinery.functions.progress import PROGRESS
from ripstop.machinery.functions.quota import STARTS
from ripstop.machinery.functions.report import REPORTS
from ripstop.machinery.functions.results import RESULTS
from ripstop.machinery.functions.shifting import LOADS, PLANS

KEYSPACES = {each.name: each for each in (STARTS, STARTED, REPORTS, LOADS, PLANS, PROGRESS, RESULTS)}
"""What the engine must be told of before it is opened, in its `Schema`."""
