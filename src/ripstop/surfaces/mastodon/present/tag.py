"""The Tag entity."""

from ripstop.domain.posts.model import tag_id
from ripstop.domain.text import tag_url


def tag_fields(tag: str, origin: str, *, following: bool | None) -> dict[str, object]:
    """A hashtag; `following` is None where nobody asks. How often it is used is not counted: `history` is empty."""
    fields: dict[str, object] = {
        "id": str(tag_id(tag)),
        "name": tag,
        "url": tag_url(origin, tag),
        "history": [],
    }
    return fields if following is None else {**fields, "following": following, "featuring": False}
