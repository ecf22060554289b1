"""Named spaces of derived data: values, counters and capped sorted lists."""

from ripstop.machinery.keyspaces.keyspace import Counters, Keyspace, Lists, Values, keyspace_types

__all__ = ["Counters", "Keyspace", "Lists", "Values", "keyspace_types"]
