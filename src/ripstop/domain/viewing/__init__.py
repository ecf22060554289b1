"""What one viewer sees of a list of ids: hydrate it, and apply the rules."""

from ripstop.domain.viewing.hydrate import Seen, access_post, hydrate
from ripstop.domain.viewing.sight import Place, Sight, sight_of

__all__ = ["Place", "Seen", "Sight", "access_post", "hydrate", "sight_of"]
