"""The SQLite engine: everything in one folder on one machine."""

from ripstop.engines.sqlite.folder import DataFolder, lock_holder
from ripstop.engines.sqlite.store import SqliteStore

__all__ = ["DataFolder", "SqliteStore", "lock_holder"]
