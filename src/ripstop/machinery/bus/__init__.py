"""Live events between processes, at most once."""

from ripstop.machinery.bus.base import Bus, Handler, Unsubscribe
from ripstop.machinery.bus.local import LocalBus
from ripstop.machinery.bus.memory import MemoryBus

__all__ = ["Bus", "Handler", "LocalBus", "MemoryBus", "Unsubscribe"]
