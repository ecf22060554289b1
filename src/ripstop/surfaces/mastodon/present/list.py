"""The List entity."""

from ripstop.domain.follows.model import List
from ripstop.machinery.graph import Entry


def list_fields(entry: Entry[List]) -> dict[str, object]:
    """A list, without its members."""
    return {
        "id": str(entry.id),
        "title": entry.value.title,
        "replies_policy": entry.value.replies_policy,
        "exclusive": entry.value.exclusive,
    }
