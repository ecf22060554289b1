"""Posts and people as pages show them: what the domain found, in words and paths."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.media.model import LARGE, SMALL, Attachment, media_path
from ripstop.domain.posts.audience import may_repost
from ripstop.domain.posts.model import Post
from ripstop.domain.posts.threads import muted_threads, root_of
from ripstop.domain.viewing import Seen, filters_of, permissions_on, quoted_in
from ripstop.domain.viewing.filters import Match
from ripstop.domain.viewing.model import BLUR
from ripstop.machinery.graph import Entry, Graph, Tally
from ripstop.surfaces.mastodon.present.status import COUNTS, MARKS

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Face(NamedTuple):
    """An account in a line. `avatar` is the path of its picture, if there is one."""

    id: int
    name: str
    handle: str
    avatar: str | None
    locked: bool = False
    bot: bool = False


def in_a_line(post: Post, most: int) -> str:
    """What a post says in so many characters at most; of one with a warning the warning."""
    text = " ".join((post.spoiler_text or post.text).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


class Instant(NamedTuple):
    """An instant to the second as in RFC 3339, and to the minute in words."""

    formal: str
    words: str


class ShownPicture(NamedTuple):
    """A picture of a post on a page: its paths, small and large; the pixels of the small one; what it shows."""

    small: str
    large: str
    width: int
    height: int
    description: str


class Counted(NamedTuple):
    """How many answered a post, passed it on, like it and quote it."""

    replies: int
    reposts: int
    likes: int
    quotings: int


class Marks(NamedTuple):
    """What a viewer did with a post, and may do. Nothing is set where nobody in particular looks at it."""

    liked: bool = False
    reposted: bool = False
    bookmarked: bool = False
    pinned: bool = False
    mine: bool = False
    may_repost: bool = False
    may_quote: bool = False
    may_reply: bool = True
    muted: bool = False
    """The conversation in which it stands."""


class ShownCard(NamedTuple):
    """What the first link of a post leads to. `picture` is its address, or empty."""

    url: str
    title: str
    description: str
    site: str
    picture: str
    width: int
    height: int


_UNMARKED = Marks()


class Shown(NamedTuple):
    """A post as a page shows it. What is the same for everybody is read from the post itself, as it is drawn.

    `place` is its id in the list, which for a post that was passed on is the repost's. What it `quotes` may not be
    there to be shown. `filtered` names the viewer's filters that it matches; `blurred` says that one of them covers its
    pictures. `answers` is who wrote what it answers, where that is somebody else.
    """

    entry: Entry[Post]
    place: int
    author: Face
    ago: str
    counted: Counted
    marks: Marks = _UNMARKED
    filtered: str = ""
    blurred: bool = False
    answers: Face | None = None
    passed_on_by: Face | None = None
    quoted: "Shown | None" = None

    @property
    def id(self) -> int:
        return self.entry.id

    @property
    def path(self) -> str:
        """Where it stands in its thread."""
        return f"/@{self.author.handle}/{self.entry.id}"

    @property
    def at(self) -> Instant:
        """When it was published."""
        return instant_of(self.entry.value.created_at)

    @property
    def spoiler_text(self) -> str:
        return self.entry.value.spoiler_text

    @property
    def content(self) -> str:
        """Clean HTML, made by `ripstop.domain.text`."""
        return self.entry.value.content

    @property
    def in_a_line(self) -> str:
        """What it says, or its warning, as far as a line or two can hold it."""
        return in_a_line(self.entry.value, 140) or "A picture"

    @property
    def language(self) -> str | None:
        return self.entry.value.language

    @property
    def pictures(self) -> list[ShownPicture]:
        return shown_pictures(self.entry.value.media)

    @property
    def card(self) -> ShownCard | None:
        """What it links to; without the picture where those of the post are sensitive."""
        value = self.entry.value
        card = value.card
        if card is None or value.media or value.quote is not None:
            return None
        shown = None if value.sensitive else card.picture
        path = "" if shown is None else media_path(shown.key, LARGE)
        width, height = (0, 0) if shown is None else (shown.large.width, shown.large.height)
        return ShownCard(card.url, card.title, card.description, card.site, path, width, height)

    @property
    def hides_pictures(self) -> bool:
        """Whether its pictures are sensitive, and nothing else of it."""
        return self.entry.value.sensitive and not self.entry.value.spoiler_text


class _Viewed(NamedTuple):
    """What was read of the posts of a page, by their ids."""

    tallies: Mapping[int, Tally]
    marks: Mapping[int, Marks]
    matches: Mapping[int, Sequence[Match]]


async def show(graph: Graph, items: Sequence[Seen], viewer: int | None = None, *, context: str = "") -> list[Shown]:
    """Posts as a page shows them; those whose author is gone or suspended are left out.

    At most two engine calls, three more if something is quoted, and for a viewer three more and those of
    `permissions_on`.

    :param context: which of the viewer's filters apply, as their owner names places (`ripstop.domain.viewing.model`);
        empty: all of them.
    """
    if not items:
        return []
    posts = [item.meant for item in items]
    quoted = await quoted_in(graph, viewer, posts)
    inside = {id_: each.post for id_, each in quoted.items() if each.post is not None}
    others = {item.post.value.author for item in items}
    others.update(post.value.in_reply_to_author for post in posts if post.value.in_reply_to_author is not None)
    authors = await faces(graph, others | {post.value.author for post in (*posts, *inside.values())})
    viewed = await _view(graph, viewer, posts, context)
    now_ms = graph.now_ms()
    found = []
    for item, post in zip(items, posts, strict=True):
        value, by = post.value, item.post.value.author
        author = authors.get(value.author)
        if author is None or by not in authors:
            continue
        matches, within, answered = viewed.matches.get(post.id, ()), inside.get(post.id), value.in_reply_to_author
        cited = None
        if within is not None and within.value.author in authors:
            cited = Shown(within, within.id, authors[within.value.author], "", _NOT_COUNTED)
        found.append(
            Shown(
                entry=post,
                place=item.post.id,
                author=author,
                ago=ago(value.created_at, now_ms),
                counted=_counted(viewed.tallies[post.id]),
                marks=viewed.marks.get(post.id, _UNMARKED),
                filtered=_titles(matches) if matches else "",
                blurred=bool(matches) and any(one.filter.value.action == BLUR for one in matches),
                answers=None if answered is None or answered == value.author else authors.get(answered),
                passed_on_by=None if item.original is None else authors[by],
                quoted=cited,
            )
        )
    return found


async def faces(graph: Graph, ids: Collection[int]) -> dict[int, Face]:
    """Those of these accounts that are there and not suspended. At most one engine call."""
    accounts = await graph.get_many(ACCOUNT, ids)
    return {id_: face(id_, entry.value) for id_, entry in accounts.items() if not entry.value.is_suspended}


async def faces_of(graph: Graph, ids: Sequence[int]) -> list[Face]:
    """The same in the order of `ids`."""
    found = await faces(graph, ids)
    return [found[id_] for id_ in ids if id_ in found]


def face(id_: int, account: Account) -> Face:
    """An account in a line."""
    return Face(
        id=id_,
        name=account.display_name or account.username,
        handle=account.acct,
        avatar=None if account.avatar is None else media_path(account.avatar.key, SMALL),
        locked=account.locked,
        bot=account.bot,
    )


async def _view(graph: Graph, viewer: int | None, posts: Sequence[Entry[Post]], context: str) -> _Viewed:
    """The counts of posts, and what the viewer did, may do, and does not want to see of them."""
    ids = [post.id for post in posts]
    tallies = await graph.tallies(ids, COUNTS)
    if viewer is None:
        return _Viewed(tallies, {}, {})
    bits = await graph.marks(viewer, MARKS, ids)
    permissions = await permissions_on(graph, viewer, posts)
    muted = await muted_threads(graph, viewer, posts)
    filters, now_ms = await filters_of(graph, viewer), graph.now_ms()
    marks, matches = {}, {}
    for post in posts:
        value, done, may = post.value, bits[post.id], permissions[post.id]
        mine = value.author == viewer
        marks[post.id] = Marks(
            liked=bool(done & 1),
            reposted=bool(done & 2),
            bookmarked=bool(done & 4),
            pinned=bool(done & 8),
            mine=mine,
            may_repost=may_repost(value, viewer),
            may_quote=may.quote,
            may_reply=may.reply is not False,
            muted=root_of(post) in muted,
        )
        if filters:
            found = filters.matches(post, now_ms)
            matches[post.id] = [one for one in found if not context or context in one.filter.value.contexts]
    return _Viewed(tallies, marks, matches)


def _counted(tally: Tally) -> Counted:
    replies, reposts, likes, quotings = tally.counts
    return Counted(replies.length, reposts.length, likes.length, quotings.length)


def _titles(matches: Sequence[Match]) -> str:
    """The filters that warn of a post."""
    return ", ".join(one.filter.value.title for one in matches if one.filter.value.action != BLUR)


_NOT_COUNTED = Counted(0, 0, 0, 0)


def shown_pictures(media: Sequence[Attachment]) -> list[ShownPicture]:
    """Pictures of a post, or of what it said before."""
    return [
        ShownPicture(
            small=media_path(one.key, SMALL),
            large=media_path(one.key, LARGE),
            width=one.small.width,
            height=one.small.height,
            description=one.description,
        )
        for one in media
    ]


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)


def instant_of(ms: int) -> Instant:
    """An instant as it is written."""
    minute = _minute(ms // MINUTE_MS)
    return Instant(f"{minute.formal}:{ms // 1_000 % 60:02}+00:00", minute.words)


def in_words(ms: int) -> str:
    """An instant to the minute, as it is read."""
    return _minute(ms // MINUTE_MS).words


@lru_cache(1_024)
def _minute(number: int) -> Instant:
    """The minute of this number since 1970, without seconds. Posts of a page are often of the same ones."""
    instant = _instant(number * MINUTE_MS)
    return Instant(f"{instant:%Y-%m-%dT%H:%M}", f"{instant.day} {instant:%b %Y, %H:%M} UTC")


def ago(instant_ms: int, now_ms: int) -> str:
    """How long ago something was, as briefly as it can be said; beyond a week, the day."""
    age = max(0, now_ms - instant_ms)
    if age < MINUTE_MS:
        return "now"
    for most, unit, letter in ((HOUR_MS, MINUTE_MS, "m"), (DAY_MS, HOUR_MS, "h"), (7 * DAY_MS, DAY_MS, "d")):
        if age < most:
            return f"{age // unit}{letter}"
    then, now = (datetime.fromtimestamp(one / 1_000, UTC) for one in (instant_ms, now_ms))
    return f"{then.day} {then:%b}" if then.year == now.year else f"{then.day} {then:%b %Y}"
