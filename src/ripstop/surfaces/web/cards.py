"""Posts and people as pages show them: what the domain found, in words and paths."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ripstop.domain.accounts.model import ACCOUNT, DIRECT, PRIVATE, PUBLIC, Account
from ripstop.domain.media.model import LARGE, SMALL, media_path
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing import Seen, filters_of, permissions_on, quoted_in
from ripstop.machinery.graph import Entry, Graph
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


class ShownPicture(NamedTuple):
    """A picture of a post on a page: its paths, small and large; the pixels of the small one; what it shows."""

    small: str
    large: str
    width: int
    height: int
    description: str


class Shown(NamedTuple):
    """A post as a page shows it. `content` is clean HTML, made by `ripstop.domain.text`; all else is text.

    `place` is its id in the list, which for a post that was passed on is the repost's. What it `quotes` may not be
    there to be shown. `filtered` names the viewer's filters that it matches. `answers` is who wrote what it
    answers, where that is somebody else. Of what the viewer did with it, nothing is
    set where nobody in particular looks at it.
    """

    id: int
    place: int
    author: Face
    created_at: str
    shown_at: str
    ago: str
    spoiler_text: str
    content: str
    language: str | None
    visibility: str
    edited: bool
    pictures: Sequence[ShownPicture]
    hides_pictures: bool
    quotes: bool
    replies: int = 0
    reposts: int = 0
    likes: int = 0
    quotings: int = 0
    liked: bool = False
    reposted: bool = False
    bookmarked: bool = False
    pinned: bool = False
    mine: bool = False
    may_repost: bool = False
    may_quote: bool = False
    may_reply: bool = True
    filtered: str = ""
    passed_on_by: Face | None = None
    answers: Face | None = None
    quoted: "Shown | None" = None

    @property
    def path(self) -> str:
        """Where it stands in its thread."""
        return f"/@{self.author.handle}/{self.id}"


class _Marked(NamedTuple):
    """What was read of the posts of a page, by their ids."""

    changes: Mapping[int, dict[str, object]]
    authors: Mapping[int, Face]


async def show(graph: Graph, items: Sequence[Seen], viewer: int | None = None) -> list[Shown]:
    """Posts as a page shows them; those whose author is gone or suspended are left out.

    At most two engine calls, three more if something is quoted, and for a viewer two more and those of
    `permissions_on`.
    """
    posts = [item.original or item.post for item in items]
    quoted = await quoted_in(graph, viewer, posts)
    inside = {id_: each.post for id_, each in quoted.items() if each.post is not None}
    others = {item.post.value.author for item in items}
    others.update(post.value.in_reply_to_author for post in posts if post.value.in_reply_to_author is not None)
    authors = await faces(graph, others | {post.value.author for post in (*posts, *inside.values())})
    marked = _Marked(await _marks(graph, viewer, posts), authors)
    now_ms = graph.now_ms()
    found = []
    for item, post in zip(items, posts, strict=True):
        if post.value.author not in authors or item.post.value.author not in authors:
            continue
        shown = _shown(post, item.post.id, marked, now_ms)
        if item.original is not None:
            shown = shown._replace(passed_on_by=authors[item.post.value.author])
        within = inside.get(post.id)
        if within is not None and within.value.author in authors:
            shown = shown._replace(quoted=_shown(within, within.id, marked, now_ms))
        found.append(shown)
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


async def _marks(graph: Graph, viewer: int | None, posts: Sequence[Entry[Post]]) -> dict[int, dict[str, object]]:
    """The counts of posts, and what the viewer did, and may do, with them: fields of `Shown` by the posts' ids."""
    ids = [post.id for post in posts]
    tallies = await graph.tallies(ids, COUNTS)
    found: dict[int, dict[str, object]] = {}
    for id_ in ids:
        replies, reposts, likes, quotings = (count.length for count in tallies[id_].counts)
        found[id_] = {"replies": replies, "reposts": reposts, "likes": likes, "quotings": quotings}
    if viewer is None:
        return found
    marks = await graph.marks(viewer, MARKS, ids)
    permissions = await permissions_on(graph, viewer, posts)
    filters, now_ms = await filters_of(graph, viewer), graph.now_ms()
    for post in posts:
        value, bits, may = post.value, marks[post.id], permissions[post.id]
        mine = value.author == viewer
        names = [match.filter.value.title for match in filters.matches(post, now_ms)] if filters else []
        found[post.id] |= {
            "liked": bool(bits & 1),
            "reposted": bool(bits & 2),
            "bookmarked": bool(bits & 4),
            "pinned": bool(bits & 8),
            "mine": mine,
            "may_repost": value.visibility != DIRECT and (mine or value.visibility != PRIVATE),
            "may_quote": may.quote,
            "may_reply": may.reply is not False,
            "filtered": ", ".join(names),
        }
    return found


def _shown(entry: Entry[Post], place: int, marked: _Marked, now_ms: int) -> Shown:
    post = entry.value
    created = datetime.fromtimestamp(post.created_at / 1_000, UTC)
    shown = Shown(
        id=entry.id,
        place=place,
        author=marked.authors[post.author],
        created_at=created.isoformat(timespec="seconds"),
        shown_at=f"{created.day} {created:%b %Y, %H:%M} UTC",
        ago=ago(post.created_at, now_ms),
        spoiler_text=post.spoiler_text,
        content=post.content,
        language=post.language,
        visibility="" if post.visibility == PUBLIC else post.visibility,
        edited=post.edited_at is not None,
        answers=marked.authors.get(post.in_reply_to_author or 0) if post.in_reply_to_author != post.author else None,
        pictures=[
            ShownPicture(
                small=media_path(one.key, SMALL),
                large=media_path(one.key, LARGE),
                width=one.small.width,
                height=one.small.height,
                description=one.description,
            )
            for one in post.media
        ],
        hides_pictures=post.sensitive and not post.spoiler_text,
        quotes=post.quote is not None,
    )
    return shown._replace(**marked.changes.get(entry.id, {}))  # type: ignore[arg-type]  # its own fields, by name


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
