"""The Tag entity."""

from ripstop.domain.posts.featured import Featured
from ripstop.domain.posts.model import tag_id
from ripstop.domain.text import tag_url
from ripstop.surfaces.mastodon.present.instants import day


def tag_fields(tag: str, origin: str, *, following: bool | None, featuring: bool = False) -> dict[str, object]:
    """A hashtag; `following` is None where no user asks. How often it is used is not counted: `history` is empty."""
    fields: dict[str, object] = {
        "id": str(tag_id(tag)),
        "name": tag,
        "url": tag_url(origin, tag),
        "history": [],
    }
    return fields if following is None else {**fields, "following": following, "featuring": featuring}


def featured_fields(featured: Featured, origin: str) -> dict[str, object]:
    """A FeaturedTag. Its id is the hashtag's."""
    return {
        "id": str(tag_id(featured.tag)),
        "name": featured.tag,
        "url": tag_url(origin, featured.tag),
        "statuses_count": str(featured.posts),
        "last_status_at": None if featured.last_at is None else day(featured.last_at),
    }
