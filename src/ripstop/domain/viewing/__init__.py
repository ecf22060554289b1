"""What one viewer sees of a list of ids: hydrate it, and apply the rules."""

from ripstop.domain.viewing.filters import Filters, filters_of
from ripstop.domain.viewing.hydrate import Seen, access_post, hydrate
from ripstop.domain.viewing.lists import ListSight, list_sight
from ripstop.domain.viewing.sight import Place, Sight, sight_of

__all__ = [
    "Filters",
    "ListSight",
    "Place",
    "Seen",
    "Sight",
    "access_post",
    "filters_of",
    "hydrate",
    "list_sight",
    "sight_of",
]
