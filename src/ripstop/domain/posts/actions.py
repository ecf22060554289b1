"""Publishing, deleting, liking, reposting and bookmarking. Each action is one commit.

Posts are handed in as found by `ripstop.domain.viewing.access_post`, which is where it is decided who may see them;
a repost is handed in as the post that it passes on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import DIRECT, EVERYONE, NOBODY, PRIVATE, PUBLIC, UNLISTED, Account
from ripstop.domain.media.actions import LOOSE_MS
from ripstop.domain.media.model import Image
from ripstop.domain.posts.attachments import access_attachments, attach, release, shown
from ripstop.domain.posts.audience import NARROW, check_policies, check_reply, may_repost
from ripstop.domain.posts.draft import Draft, carded, compose
from ripstop.domain.posts.events import (
    PostDeleted,
    PostLiked,
    PostLinked,
    PostPublished,
    PostQuoted,
    PostReposted,
    PostUnliked,
    PostUnreposted,
)
from ripstop.domain.posts.listing import enlist, strike
from ripstop.domain.posts.model import (
    BOOKMARKED,
    LIKED,
    PINNED,
    POST,
    POSTED,
    REPOSTED,
    Post,
    Quotation,
    Signature,
    idempotency_name,
)
from ripstop.domain.posts.quotes import check_quoting, emit_ended, narrowed
from ripstop.engines.batch import CheckObject, NameSet, ObjectPatch
from ripstop.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from ripstop.machinery.graph import Entry, Graph, Refused, Write

IDEMPOTENCY_MS = 24 * 3_600 * 1_000
"""For so long a second post with the same key is answered with the first."""
MAX_KEY = 1_000
ATTEMPTS = 3
"""How often something is tried that somebody else changes at the same time."""


async def publish(
    graph: Graph,
    author: Entry[Account],
    draft: Draft,
    *,
    parent: Entry[Post] | None,
    quoted: Entry[Post] | None = None,
    application: Signature | None,
    key: str | None,
    origin: str,
    domain: str,
) -> Entry[Post] | int:
    """Publish a post. One commit, two engine calls if it names people, two for a quote, and those of `check_reply`.

    The answer is the new post or, where the key was used before, the id of the post that it was used for.

    :param parent: the post that it answers.
    :param quoted: the post that it quotes.
    :param key: what the client calls this attempt; with the same key again, the answer is the same post.
    :raises Invalid: with what is wrong.
    :raises Forbidden: the author may not answer or quote that post.
    :raises NotFound: the quoted post is the author's own, and was deleted meanwhile.
    """
    if key is not None and len(key) > MAX_KEY:
        raise Invalid(f"Validation failed: Idempotency-Key is longer than {MAX_KEY:,} characters")
    claimed = None if key is None else idempotency_name(author.id, key)
    try:
        ready = await _prepare(graph, author.id, draft, parent, quoted, origin=origin, domain=domain)
    except (Invalid, Forbidden):
        before = None if claimed is None else (await graph.names((claimed,))).get(claimed)
        if before is None:
            raise
        return before  # what an earlier attempt could do, such as to take these pictures, a later one cannot
    write = graph.write(author.id)
    id_ = write.new_id()
    post = msgspec.structs.replace(
        ready.post,
        application=application,
        sensitive=ready.post.sensitive or author.value.sensitized_at is not None,
        sensitized=author.value.sensitized_at is not None,
        quote=None if quoted is None else Quotation(write.new_id(), quoted.id, quoted.value.author, ready.quoted_acct),
    )
    if claimed is not None:
        write.claim(claimed, id_, expires=post.created_at + IDEMPOTENCY_MS)
    write.create(POST, id_, post)
    attach(write, id_, ready.images)
    enlist(write, id_, post)
    _emit_published(write, id_, post, author.value)
    if ready.link and quoted is None:
        write.emit(PostLinked(post=id_, link=ready.link))
    if post.quote is not None and post.quote.author == author.id:
        write.check_object(post.quote.post)
    try:
        await graph.commit(write)
    except Refused as refused:
        return await _published_before(graph, refused, claimed)
    return Entry(POST.number, id_, 1, post)


class _Ready(NamedTuple):
    """A post that may be published, but for what its batch adds; its pictures; what the author it quotes is called; and
    the link that it shows a card of."""

    post: Post
    images: Sequence[Entry[Image]]
    quoted_acct: str
    link: str


async def _prepare(
    graph: Graph,
    author: int,
    draft: Draft,
    parent: Entry[Post] | None,
    quoted: Entry[Post] | None,
    *,
    origin: str,
    domain: str,
) -> _Ready:
    """Check a draft, and whether its author may answer and quote what it answers and quotes."""
    check_policies(draft.quote_policy, draft.reply_policy, begins=parent is None)
    if parent is not None:
        await check_reply(graph, author, parent)
    if quoted is not None:
        draft = narrowed(draft, quoted.value)
    images = await access_attachments(graph, author, draft.media)
    composed = await compose(graph, draft, origin=origin, domain=domain, may_be_blank=bool(quoted or images))
    acct = "" if quoted is None else await check_quoting(graph, author, quoted, draft, composed)
    post = Post(
        author=author,
        created_at=graph.now_ms(),
        visibility=draft.visibility,
        text=composed.text,
        content=composed.content,
        spoiler_text=composed.spoiler_text,
        sensitive=draft.sensitive or bool(composed.spoiler_text),
        language=draft.language,
        in_reply_to=None if parent is None else parent.id,
        in_reply_to_author=None if parent is None else parent.value.author,
        root=None if parent is None else parent.value.root or parent.id,
        mentions=composed.mentions,
        tags=composed.tags,
        media=shown(images),
        quote_policy=NOBODY if draft.visibility in NARROW else draft.quote_policy,
        reply_policy=draft.reply_policy or EVERYONE,
    )
    return _Ready(post, images, acct, carded(post, composed.link))


def _emit_published(write: Write, id_: int, post: Post, author: Account) -> None:
    quote = post.quote
    write.emit(
        PostPublished(
            post=id_,
            author=post.author,
            flags=post.flags,
            root=post.root,
            in_reply_to=post.in_reply_to,
            in_reply_to_author=post.in_reply_to_author,
            mentions=tuple(mention.id for mention in post.mentions),
            tags=post.tags,
            indexable=author.indexable and post.visibility == PUBLIC,
            quoted_author=None if quote is None else quote.author,
            watched=author.watched and post.visibility != DIRECT and post.in_reply_to_author in (None, post.author),
        )
    )
    if quote is not None:
        write.emit(PostQuoted(post=quote.post, author=quote.author, actor=post.author, quoting=id_, quote=quote.id))


async def _published_before(graph: Graph, refused: Refused, claimed: str | None) -> int:
    """The post that holds the idempotency key."""
    operation = refused.operation
    if isinstance(operation, CheckObject):
        raise NotFound("The post you are trying to quote was deleted")
    if isinstance(operation, ObjectPatch):
        raise Conflict("A picture of this post was changed at the same time; please look at it again")
    if claimed is None or not isinstance(operation, NameSet) or operation.name != claimed:
        raise refused
    id_ = (await graph.names((claimed,))).get(claimed)
    if id_ is None:
        raise Conflict("This Idempotency-Key has just expired; please try again")
    return id_


async def delete(graph: Graph, actor: int, post: Entry[Post], *, keep_media_ms: int = LOOSE_MS) -> None:
    """Delete one's own post. One commit; likes, reposts and notifications of others go by functions.

    :param keep_media_ms: for so long its pictures can be put into another post.
    :raises NotFound: it is somebody else's, or was deleted meanwhile.
    :raises Conflict: it is being edited all the time.
    """
    if post.value.author != actor:
        raise NotFound("Record not found")
    for _ in range(ATTEMPTS):
        if await _delete(graph, post, keep_media_ms):
            return
        await graph.sync()
        found = await graph.get(POST, post.id)
        if found is None:
            raise NotFound("Record not found")
        post = found  # it was edited meanwhile, and stands in other lists
    raise Conflict("This post is being edited at the same time")


async def _delete(graph: Graph, post: Entry[Post], keep_media_ms: int) -> bool:
    """Delete this version of the post, if it is the present one."""
    write = graph.write(post.id)
    await do_delete(graph, write, post, keep_media_ms=keep_media_ms)
    try:
        await graph.commit(write)
    except Refused:
        return False
    return True


async def do_delete(graph: Graph, write: Write, post: Entry[Post], *, keep_media_ms: int = LOOSE_MS) -> None:
    """Add the end of a post, or of a repost, to a batch; refused if this is not its present version."""
    actor = post.value.author
    write.check_object(post.id, post.version)
    if post.value.repost_of is not None:
        do_unrepost(write, actor, post.id, post.value.repost_of)
        original = await graph.get(POST, post.value.repost_of)
        author = 0 if original is None else original.value.author
        write.emit(PostUnreposted(post=post.value.repost_of, author=author, actor=actor, repost=post.id))
    else:
        write.delete(post.id)
        strike(write, post.id, post.value)
        await release(graph, write, post.id, [one.id for one in post.value.media], keep_ms=keep_media_ms)
        if post.value.quote is not None and not post.value.quote.revoked:
            emit_ended(write, post.id, actor, post.value.quote)
        write.remove(PINNED, actor, post.id)
        write.emit(
            PostDeleted(
                post=post.id,
                author=actor,
                flags=post.value.flags,
                root=post.value.root,
                mentions=tuple(mention.id for mention in post.value.mentions),
                tags=post.value.tags,
                told=tuple((m.id, m.told) for m in post.value.mentions if m.told is not None),
                edited=post.value.edits > 0,
            )
        )


async def like(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Like a post. One commit; once is enough."""
    write = graph.write(actor)
    id_ = write.new_id()
    write.check_association(LIKED, actor, post.id, present=False)
    write.put(LIKED, actor, post.id, order=id_)
    write.emit(PostLiked(post=post.id, author=post.value.author, actor=actor, like=id_))
    try:
        await graph.commit(write)
    except Refused:  # it is liked already
        return


async def unlike(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Take a like back. One engine call, and a commit if there is one."""
    rows = await graph.find(actor, (LIKED,), (post.id,))
    if not rows:
        return
    write = graph.write(actor)
    write.check_association(LIKED, actor, post.id)
    write.remove(LIKED, actor, post.id)
    write.emit(PostUnliked(post=post.id, author=post.value.author, actor=actor, like=rows[0].order))
    try:
        await graph.commit(write)
    except Refused:  # taken back meanwhile
        return


async def repost(graph: Graph, actor: int, post: Entry[Post], *, visibility: str = PUBLIC) -> int:
    """Pass a post on; the answer is the repost's id, of the earlier one if there is one. One commit.

    :raises Forbidden: it was not meant for everybody.
    :raises Invalid: a repost cannot be of this visibility.
    """
    original = post.value
    if not may_repost(original, actor):
        raise Forbidden("This action is not allowed")
    if visibility not in (PUBLIC, UNLISTED, PRIVATE):
        raise Invalid("Validation failed: Visibility is not included in the list")
    if original.visibility == PRIVATE:
        visibility = PRIVATE
    write = graph.write(actor)
    id_ = write.new_id()
    value = Post(author=actor, created_at=graph.now_ms(), visibility=visibility, repost_of=post.id)
    write.check_association(REPOSTED, actor, post.id, present=False)
    write.create(POST, id_, value)
    write.put(POSTED, actor, id_, order=id_, flags=value.flags)
    write.put(REPOSTED, actor, post.id, order=id_)
    write.emit(PostReposted(post=post.id, author=original.author, actor=actor, repost=id_, flags=value.flags))
    try:
        await graph.commit(write)
    except Refused:
        rows = await graph.find(actor, (REPOSTED,), (post.id,))
        if not rows:
            raise Conflict("Somebody changed this at the same time") from None
        return rows[0].order
    return id_


async def unrepost(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Take a repost back. One engine call, and a commit if there is one."""
    rows = await graph.find(actor, (REPOSTED,), (post.id,))
    if not rows:
        return
    id_ = rows[0].order
    write = graph.write(actor)
    write.check_association(REPOSTED, actor, post.id)
    do_unrepost(write, actor, id_, post.id)
    write.emit(PostUnreposted(post=post.id, author=post.value.author, actor=actor, repost=id_))
    try:
        await graph.commit(write)
    except Refused:  # taken back meanwhile
        return


def do_unrepost(write: Write, actor: int, repost: int, post: int) -> None:
    """Add the end of a repost to a batch."""
    write.delete(repost)
    write.remove(POSTED, actor, repost)
    write.remove(REPOSTED, actor, post)


async def bookmark(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Keep a post at hand; nobody is told. One commit."""
    write = graph.write(actor)
    write.put(BOOKMARKED, actor, post.id, order=write.new_id(), if_absent=True)
    await graph.commit(write)


async def unbookmark(graph: Graph, actor: int, post: Entry[Post]) -> None:
    """Keep it at hand no more. One commit."""
    write = graph.write(actor)
    write.remove(BOOKMARKED, actor, post.id)
    await graph.commit(write)
