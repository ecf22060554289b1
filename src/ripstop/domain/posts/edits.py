"""Editing a post, and what it said before."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.media.model import Attachment
from ripstop.domain.posts.attachments import Details, access_attachments, attach, redescribe, shown
from ripstop.domain.posts.audience import Policies, change_policies, changed_policies
from ripstop.domain.posts.draft import Composed, Draft, carded, compose
from ripstop.domain.posts.events import PostEdited, PostLinked
from ripstop.domain.posts.listing import relist
from ripstop.domain.posts.model import POST, REVISED, REVISION, Mention, Post, Revision
from ripstop.engines.base import Direction
from ripstop.kernel.errors import Conflict, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused

MOST_EDITS = 50
"""Revisions that are kept of a post; then it stays as it is. All of them are shown, and deleted, at once."""

_CHANGING = (
    "text",
    "content",
    "spoiler_text",
    "sensitive",
    "language",
    "mentions",
    "tags",
    "media",
    "edited_at",
    "edits",
    "card",
)
"""The fields of a post that an edit may change."""


class Change(NamedTuple):
    """What the author wants the post to say, and who may do what with it. A `language` of None leaves it as it is.

    `media` are the ids of its pictures, `details` what is to be said of some of them.
    """

    text: str
    spoiler_text: str
    sensitive: bool
    language: str | None
    policies: Policies = Policies()
    media: Sequence[int] = ()
    details: Sequence[Details] = ()


async def edit(graph: Graph, author: int, post: Entry[Post], change: Change, *, origin: str, domain: str) -> None:
    """Let one's own post say something else. One commit, and two engine calls if it names people.

    What it quotes stays. Nothing happens where that is what it says already. Of several edits at once one is made, and
    the others are refused: nobody overwrites what they have not seen.

    :raises Invalid: with what is wrong.
    :raises NotFound: it is somebody else's, or was deleted meanwhile.
    :raises Conflict: it was edited meanwhile.
    """
    before = post.value
    if before.author != author or before.repost_of is not None:
        raise NotFound("Record not found")
    language = change.language or before.language
    policies = changed_policies(before, change.policies)
    draft = Draft(text=change.text, visibility=before.visibility, spoiler_text=change.spoiler_text, language=language)
    images = await access_attachments(graph, author, change.media, post=post.id)
    may_be_blank = bool(before.quote or images)
    composed = await compose(graph, draft, origin=origin, domain=domain, may_be_blank=may_be_blank)
    write = graph.write(post.id)
    attach(write, post.id, images)
    media = redescribe(write, shown(images), change.details)
    after = _edited(before, composed, media, sensitive=change.sensitive, language=language)
    if after == before:
        await change_policies(graph, author, post, change.policies)
        return
    if before.edits >= MOST_EDITS:
        raise Invalid(f"Validation failed: A post can be edited {MOST_EDITS} times")
    revision = write.new_id()
    after = msgspec.structs.replace(
        after,
        mentions=_told(before, after, revision),
        edited_at=max(graph.now_ms(), (before.edited_at or before.created_at) + 1),
        edits=before.edits + 1,
    )
    changed = {name: getattr(after, name) for name in _CHANGING if getattr(after, name) != getattr(before, name)}
    write.patch(POST, post.id, version=post.version, **changed, **policies)
    write.create(REVISION, revision, _revision(before))
    write.put(REVISED, post.id, revision, order=revision)
    relist(write, post.id, before, after)
    write.emit(_event(post.id, before, after, revision))
    link = carded(after, composed.link)
    if link and after.card is None:
        write.emit(PostLinked(post=post.id, link=link))
    try:
        await graph.commit(write)
    except Refused:
        await graph.sync()
        found = await graph.get(POST, post.id)
        if found is None:
            raise NotFound("Record not found") from None
        if _edited(found.value, composed, media, sensitive=change.sensitive, language=language) == found.value:
            return  # the same edit, sent twice
        if msgspec.structs.replace(found.value, card=before.card) == before:
            # Nobody edited it: it was found what its link leads to.
            await edit(graph, author, found, change, origin=origin, domain=domain)
            return
        raise Conflict("This post was edited at the same time; please look at it again") from None


async def history(graph: Graph, post: Entry[Post]) -> list[Revision]:
    """What the post said, from the first to what it says now. At most two engine calls, none if it was not edited."""
    if not post.value.edits:
        return [_revision(post.value)]
    rows = await graph.range(post.id, REVISED, limit=MOST_EDITS, direction=Direction.OLDEST_FIRST)
    found = await graph.get_many(REVISION, [row.target for row in rows])
    said = [found[row.target].value for row in rows if row.target in found]
    # An edit since the post was read has left one more, which is what the post says here.
    return [*said[: post.value.edits], _revision(post.value)]


def _edited(
    post: Post, composed: Composed, media: tuple[Attachment, ...], *, sensitive: bool, language: str | None
) -> Post:
    """The post as its author wants it; whoever is named already keeps what is known of them, and so does its link."""
    known = {mention.id: mention for mention in post.mentions}
    after = msgspec.structs.replace(
        post,
        text=composed.text,
        content=composed.content,
        spoiler_text=composed.spoiler_text,
        sensitive=sensitive or post.sensitized or bool(composed.spoiler_text),
        language=language,
        mentions=tuple(known.get(mention.id, mention) for mention in composed.mentions),
        tags=composed.tags,
        media=media,
    )
    is_of_another = post.card is not None and post.card.link != carded(after, composed.link)
    return msgspec.structs.replace(after, card=None) if is_of_another else after


def _told(before: Post, after: Post, revision: int) -> tuple[Mention, ...]:
    """The people named after an edit; who was not named before is told under the revision's id."""
    known = {mention.id for mention in before.mentions}
    return tuple(
        mention if mention.id in known else msgspec.structs.replace(mention, told=revision)
        for mention in after.mentions
    )


def _event(id_: int, before: Post, after: Post, revision: int) -> PostEdited:
    named = {mention.id for mention in after.mentions}
    return PostEdited(
        post=id_,
        author=after.author,
        flags=after.flags,
        revision=revision,
        root=after.root,
        mentions=tuple(mention.id for mention in after.mentions if mention.told == revision),
        dropped=tuple((m.id, m.told or id_) for m in before.mentions if m.id not in named),
    )


def _revision(post: Post) -> Revision:
    """What the post says."""
    return Revision(
        created_at=post.edited_at or post.created_at,
        content=post.content,
        spoiler_text=post.spoiler_text,
        sensitive=post.sensitive,
        media=post.media,
    )
