"""Posts as HTML. A post is drawn once, by `post.html`, with gaps where it differs from reader to reader and from moment
to moment; what was drawn is kept with the post, and a page only fills the gaps.

So twenty posts cost a page twenty joins, and a template runs again only where a post was changed or let go of.
"""

import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import jinja2
from markupsafe import Markup, escape

from ripstop.surfaces.web.cards import Face, Shown

TEMPLATE = "post.html"
MOST_FACES = 4_096
"""Pictures of people that are kept as they are drawn, of about 200 bytes each."""


class Proving(Protocol):
    """A reader, as far as buttons need one."""

    @property
    def proof(self) -> str:
        """What goes with their forms."""

    @property
    def is_staff(self) -> bool:
        """Whether they may look at what the staff can do."""


class Gaps:
    """Given to a template in place of what is not known yet: each of its names is a gap.

    :param mark: what stands before and after a name; nobody who writes posts can know it.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __getattr__(self, name: str) -> Markup:
        return Markup(f"{self._mark}{name}{self._mark}")  # noqa: S704 - a name in a template of ours


Sheet = list[str]
"""What was drawn: text, the name of a gap, text, and so on."""


class Drawing:
    """Draws posts. Shared by the requests of a process, and made before processes are forked.

    :param environment: which has `TEMPLATE`; the functions of this class are to be known to it.
    :param nobody: the path of the picture of those who have none.
    """

    def __init__(self, environment: jinja2.Environment, *, nobody: str) -> None:
        self._environment = environment
        self._nobody = nobody
        self._mark = secrets.token_hex(8)
        self._gaps = Gaps(self._mark)
        self._sheets: dict[tuple[object, ...], Sheet] = {}
        self._face = lru_cache(MOST_FACES)(self._draw_face)

    def card(self, post: Shown, me: Proving | None = None, chosen: int | None = None) -> Markup:
        """A post as it stands in a feed.

        :param me: the reader, who is offered more than others.
        :param chosen: the id of the post that the page is about, of which more is told.
        """
        author, counted = post.author, post.counted
        values = {
            "place": str(post.place),
            "name": escape(author.name),
            "face": self._face(author.avatar, 44),
            "ago": post.ago,
            "likes": str(counted.likes or ""),
            "replies": str(counted.replies or ""),
            "reposts": str(counted.reposts or ""),
            "passed": "" if post.passed_on_by is None else self._named("passed", post.passed_on_by),
            "answers": "" if post.answers is None else self._named("answers", post.answers),
            "quoted": self._quoted(post) if post.entry.value.quote is not None else "",
            "chosen": "",
            "reach": "",
            "before": "",
            "after": "",
        }
        if post.id == chosen:
            values |= {"chosen": " chosen", "reach": self._macro("reach")(post)}
        if post.filtered:
            values |= {"before": self._part("filtered", title=escape(post.filtered)), "after": "</details>"}
        if me is not None:
            values["acts"] = self._acts(post, me, values)
        return Markup(_filled(self._kept(post, "card", me is None, post.blurred), values))  # noqa: S704 - by templates

    def cards(self, posts: Iterable[Shown], me: Proving | None = None, chosen: int | None = None) -> Markup:
        """Posts as they stand in a feed."""
        return Markup("\n".join([self.card(post, me, chosen) for post in posts]))  # noqa: S704 - by templates

    def cited(self, post: Shown) -> Markup:
        """A post as it stands in another one that quotes it."""
        values = {"name": escape(post.author.name), "face": self._face(post.author.avatar, 20)}
        return Markup(_filled(self._kept(post, "cited"), values))  # noqa: S704 - by templates

    def face(self, who: Face, size: int = 44) -> Markup:
        """The picture of somebody, this many pixels wide."""
        return Markup(self._face(who.avatar, size))  # noqa: S704 - by templates

    def _kept(self, post: Shown, macro: str, *options: bool) -> Sheet:
        """What was drawn of the post by a macro."""
        key = (macro, *options)
        drawn = post.entry.rendered.get(key)
        if drawn is None:
            drawn = post.keep(post.entry, key, self._macro(macro)(post, self._gaps, *options).encode())
        return drawn.decode().split(self._mark)

    def _sheet(self, macro: str, *given: object) -> Sheet:
        """What a macro draws that depends on a few things only, which are often the same."""
        key = (macro, *given)
        sheet = self._sheets.get(key)
        if sheet is None:
            sheet = self._sheets[key] = self._macro(macro)(self._gaps, *given).split(self._mark)
        return sheet

    def _part(self, macro: str, **values: str) -> str:
        return _filled(self._sheet(macro), values)

    def _named(self, macro: str, who: Face) -> str:
        return self._part(macro, name=escape(who.name), handle=escape(who.handle))

    def _quoted(self, post: Shown) -> str:
        return self._part("lost") if post.quoted is None else self.cited(post.quoted)

    def _acts(self, post: Shown, me: Proving, values: Mapping[str, str]) -> str:
        """What a reader can do with the post."""
        author = post.author
        more = {
            "id": str(post.id),
            "path": escape(post.path),
            "author": str(author.id),
            "handle": escape(author.handle),
            "quotings": str(post.counted.quotings or ""),
            "proof": me.proof,
        }
        return _filled(self._sheet("acts", post.marks, me.is_staff), {**values, **more})

    def _draw_face(self, avatar: str | None, size: int) -> str:
        return str(self._macro("face")(avatar or self._nobody, size))

    def _macro(self, name: str) -> Any:
        return getattr(self._environment.get_template(TEMPLATE).module, name)


def _filled(sheet: Sheet, values: Mapping[str, str]) -> str:
    """What was drawn, with HTML in its gaps."""
    pieces = sheet[:]
    pieces[1::2] = map(values.__getitem__, sheet[1::2])
    return "".join(pieces)
