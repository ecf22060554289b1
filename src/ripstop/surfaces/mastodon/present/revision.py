"""The StatusEdit entity."""

from collections.abc import Sequence

import msgspec

from ripstop.domain.posts.model import Revision
from ripstop.surfaces.mastodon.present.instants import instant
from ripstop.surfaces.mastodon.present.media import attachment_fields


def revision_list(revisions: Sequence[Revision], card: bytes, *, origin: str) -> bytes:
    """A JSON list of what a post said, each with its author's card."""
    items = (
        b'{"account":' + card + b"," + msgspec.json.encode(revision_fields(each, origin))[1:] for each in revisions
    )
    return b"[" + b",".join(items) + b"]"


def revision_fields(revision: Revision, origin: str) -> dict[str, object]:
    """Everything of a StatusEdit but the account."""
    return {
        "content": revision.content,
        "spoiler_text": revision.spoiler_text,
        "sensitive": revision.sensitive,
        "created_at": instant(revision.created_at),
        "media_attachments": [attachment_fields(one, origin) for one in revision.media],
        "emojis": [],
    }
