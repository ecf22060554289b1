"""The derived data of this package."""

from ripstop.machinery.functions.growth import STARTED
from ripstop.machinery.functions.quota import STARTS
from ripstop.machinery.functions.report import REPORTS

KEYSPACES = {each.name: each for each in (STARTS, STARTED, REPORTS)}
"""What the engine must be told of before it is opened, in its `Schema`."""
