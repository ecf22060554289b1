"""What one viewer sees of a list of ids: hydrate it, and apply the rules."""

from ripstop.domain.viewing.filters import Filters, filters_of
from ripstop.domain.viewing.hydrate import Seen, access_original, access_post, hydrate
from ripstop.domain.viewing.lists import ListSight, list_sight
from ripstop.domain.viewing.permissions import Permissions, permissions_on
from ripstop.domain.viewing.quotes import Quoted, quoted_in
from ripstop.domain.viewing.sight import Place, Sight, sight_of

__all__ = [
    "Filters",
    "ListSight",
    "Permissions",
    "Place",
    "Quoted",
    "Seen",
    "Sight",
    "access_original",
    "access_post",
    "filters_of",
    "hydrate",
    "list_sight",
    "permissions_on",
    "quoted_in",
    "sight_of",
]
