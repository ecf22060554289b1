"""Objects and associations, typed; domain events and their subscribers."""

from ripstop.machinery.graph.cache import Entry, Tally
from ripstop.machinery.graph.events import Events, Listening
from ripstop.machinery.graph.graph import Graph
from ripstop.machinery.graph.types import Association, ObjectType, TypeSet, association, association_pair
from ripstop.machinery.graph.write import Committed, Refused, Write

__all__ = [
    "Association",
    "Committed",
    "Entry",
    "Events",
    "Graph",
    "Listening",
    "ObjectType",
    "Refused",
    "Tally",
    "TypeSet",
    "Write",
    "association",
    "association_pair",
]
