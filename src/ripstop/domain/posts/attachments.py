"""The pictures of a post. A picture stands in one post, or in none; what a revision shows stays with its post."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.events import ImageLoose
from ripstop.domain.media.actions import check_description, check_focus
from ripstop.domain.media.model import ATTACHMENT, IMAGE, Attachment, Focus, Image
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Entry, Graph, Write

MOST_ATTACHMENTS = 4


class Details(NamedTuple):
    """What an edit says of a picture; None leaves it as it is."""

    image: int
    description: str | None
    focus: Focus | None


async def access_attachments(
    graph: Graph, author: int, ids: Sequence[int], *, post: int | None = None
) -> list[Entry[Image]]:
    """The author's own pictures of these ids, in this order. One engine call if there are any.

    :param post: where they may stand already.
    :raises Invalid: there are too many; or one is not there, somebody else's, or stands in another post.
    """
    if not ids:
        return []
    if len(ids) > MOST_ATTACHMENTS:
        raise Invalid(f"Validation failed: Cannot attach more than {MOST_ATTACHMENTS} files")
    found = await graph.get_many(IMAGE, ids)
    images = [found[id_] for id_ in dict.fromkeys(ids) if id_ in found and _is_free(found[id_].value, author, post)]
    if len(images) < len(set(ids)):
        raise Invalid("Validation failed: Media not found, or attached to another post already")
    return images


def _is_free(image: Image, author: int, post: int | None) -> bool:
    return image.owner == author and image.kind == ATTACHMENT and not image.ending and image.post in (None, post)


def attach(write: Write, post: int, images: Sequence[Entry[Image]]) -> None:
    """Put pictures into a post; refused if one of them was changed meanwhile."""
    for image in images:
        if image.value.post is None:
            write.patch(IMAGE, image.id, version=image.version, post=post)


def shown(images: Sequence[Entry[Image]]) -> tuple[Attachment, ...]:
    """Pictures as a post shows them."""
    return tuple(
        Attachment(
            id=image.id,
            key=image.value.key,
            large=image.value.large,
            small=image.value.small,
            blurhash=image.value.blurhash,
            description=image.value.description,
            focus=image.value.focus,
        )
        for image in images
    )


def redescribe(write: Write, media: Sequence[Attachment], details: Sequence[Details]) -> tuple[Attachment, ...]:
    """The same pictures as an edit describes them.

    :raises Invalid: a description is too long, or a picture is not among them.
    """
    wanted = {one.image: one for one in details}
    if wanted.keys() - {one.id for one in media}:
        raise Invalid("Validation failed: Media attributes are of a file that is not attached")
    described = []
    for one in media:
        detail = wanted.get(one.id)
        after = one
        if detail is not None and detail.description is not None:
            after = msgspec.structs.replace(after, description=check_description(detail.description))
        if detail is not None and detail.focus is not None:
            after = msgspec.structs.replace(after, focus=check_focus(detail.focus))
        if after != one:
            write.patch(IMAGE, one.id, description=after.description, focus=after.focus)
        described.append(after)
    return tuple(described)


async def release(
    graph: Graph, write: Write, post: int, ids: Sequence[int], *, keep_ms: int, most: int = MOST_ATTACHMENTS
) -> int:
    """Have pictures of a post that is gone stand in none. One engine call if there are any.

    :param keep_ms: for so long they can be put into another post.
    :returns: how many there were, `most` at most.
    """
    found = await graph.get_many(IMAGE, ids) if ids else {}
    held = [image for image in found.values() if image.value.post == post][:most]
    for image in held:
        write.patch(IMAGE, image.id, version=image.version, post=None)
        write.emit(ImageLoose(image=image.id, until=graph.now_ms() + keep_ms))
    return len(held)
