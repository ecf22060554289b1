"""Asking other servers. Nothing else in this program opens a connection to a host that somebody else names."""

from ripstop.machinery.outbound.answers import Answer, Limits, TooMuch, Unreachable
from ripstop.machinery.outbound.client import Outbound
from ripstop.machinery.outbound.guard import Guard, Refused

__all__ = ["Answer", "Guard", "Limits", "Outbound", "Refused", "TooMuch", "Unreachable"]
