"""Posts as HTML. `post.html` is drawn once for each set of things that there are to say of a post (a warning, pictures,
a quote, that it was edited), with gaps for what they are; a page only fills the gaps.

So twenty posts cost a page twenty joins, whether anybody was shown them before or not, and nothing is kept of any post.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from ripstop.domain.accounts.model import PUBLIC
from ripstop.surfaces.web.cards import Face, Shown, ShownPicture

TEMPLATE = "post.html"
MOST_PEOPLE = 2_048
"""People who are kept as they are drawn, of about 500 bytes each."""


class Proving(Protocol):
    """A reader, as far as buttons need one."""

    @property
    def proof(self) -> str:
        """What goes with their forms."""

    @property
    def is_staff(self) -> bool:
        """Whether they may look at what the staff can do."""


class Saying(Protocol):
    """What a post says, or said once."""

    @property
    def spoiler_text(self) -> str:
        """What stands before it, if anything."""

    @property
    def content(self) -> str:
        """Clean HTML."""

    @property
    def pictures(self) -> Sequence[ShownPicture]: ...

    @property
    def hides_pictures(self) -> bool:
        """Whether they are covered."""

    @property
    def language(self) -> str | None: ...


class Person(NamedTuple):
    """Somebody as HTML, as posts have them."""

    name: str
    handle: str
    face: str
    return_to: str
    """Their path as a value in a query."""


class Gaps:
    """Given to a template in place of what is not known yet: each of these names is a gap, and any other is nothing.

    :param mark: what stands before and after a name. Nothing that people write is looked through for it.
    """

    def __init__(self, mark: str, names: Collection[str]) -> None:
        self._mark = mark
        self._names = names

    def __getattr__(self, name: str) -> Markup:
        return Markup(f"{self._mark}{name}{self._mark}" if name in self._names else "")  # noqa: S704 - a name of ours


class Sheet:
    """What was drawn with gaps, without what makes a template easy to read."""

    __slots__ = ("_names", "_pieces")

    def __init__(self, drawn: str, mark: str) -> None:
        self._pieces = "\n".join(filter(None, map(str.strip, drawn.splitlines()))).split(mark)
        self._names = self._pieces[1::2]

    def filled(self, values: Mapping[str, str]) -> str:
        """The same with HTML in its gaps."""
        pieces = self._pieces[:]
        pieces[1::2] = map(values.__getitem__, self._names)
        return "".join(pieces)


class Drawing:
    """Draws posts. Shared by the requests of a process, and made before processes are forked.

    :param environment: which has `TEMPLATE`; the functions of this class are to be known to it.
    :param nobody: the path of the picture of those who have none.
    """

    def __init__(self, environment: jinja2.Environment, *, nobody: str) -> None:
        self._environment = environment
        self._nobody = nobody
        self._mark = secrets.token_hex(8)
        self._sheets: dict[tuple[object, ...], Sheet] = {}
        self._person = lru_cache(MOST_PEOPLE)(self._draw_person)

    def card(self, post: Shown, me: Proving | None = None, chosen: int | None = None) -> Markup:
        """A post as it stands in a feed.

        :param me: the reader, who is offered more than others.
        :param chosen: the id of the post that the page is about, of which more is told.
        """
        return Markup(self._card(post, me, chosen))  # noqa: S704 - by templates

    def cards(self, posts: Iterable[Shown], me: Proving | None = None, chosen: int | None = None) -> Markup:
        """Posts as they stand in a feed."""
        return Markup("\n".join([self._card(post, me, chosen) for post in posts]))  # noqa: S704 - by templates

    def cited(self, post: Shown) -> Markup:
        """A post as it stands in another one that quotes it."""
        values = self._whole(post, self._person(post.author))
        values["face"] = self._draw_face(post.author.avatar, 20)
        return Markup(self._drawn("cited", values))  # noqa: S704 - by templates

    def wording(self, saying: Saying) -> Markup:
        """What a post said once, by itself."""
        return Markup(self._drawn("warned", self._said(saying)))  # noqa: S704 - by templates

    def face(self, who: Face, size: int = 44) -> Markup:
        """The picture of somebody, this many pixels wide."""
        return Markup(self._draw_face(who.avatar, size))  # noqa: S704 - by templates

    def _card(self, post: Shown, me: Proving | None, chosen: int | None) -> str:
        author, counted = self._person(post.author), post.counted
        values = self._whole(post, author)
        values["place"] = str(post.place)
        values["face"] = author.face
        values["written_at"], values["shown_at"] = post.at
        values["ago"] = post.ago
        values["likes"] = str(counted.likes or "")
        values["replies"] = str(counted.replies or "")
        values["reposts"] = str(counted.reposts or "")
        value = post.entry.value
        if value.visibility != PUBLIC:
            values["audience"] = self._drawn("audience", {}, value.visibility)
        if value.edited_at is not None:
            values["edited"] = "edited"
        if post.passed_on_by is not None:
            values["passed"] = self._named("passed", post.passed_on_by)
        if post.answers is not None:
            values["answers"] = self._named("answers", post.answers)
        if value.quote is not None:
            values["quoted"] = self._drawn("lost", {}) if post.quoted is None else self.cited(post.quoted)
        if post.id == chosen:
            values |= {"chosen": "chosen", "did": self._macro("did")(post)}
        if post.filtered:
            values["filtered"] = escape(post.filtered)
        if me is None:
            values["return_to"] = f"{author.return_to}/{values['id']}"
        else:
            values["acts"] = self._acts(post, me, values)
        return self._drawn("card", values)

    def _whole(self, post: Shown, author: Person) -> dict[str, str]:
        """What stands in the gaps of a post wherever it is shown whole."""
        values = self._said(post, covered=post.blurred)
        values["id"] = id_ = str(post.entry.id)
        values["name"] = author.name
        values["handle"] = author.handle
        values["path"] = f"/@{author.handle}/{id_}"
        card = post.card
        if card is not None:
            values["linked"] = self._macro("linked")(card)
        return values

    def _said(self, saying: Saying, *, covered: bool = False) -> dict[str, str]:
        """What stands in the gaps of what is said.

        :param covered: by a filter, as far as pictures go.
        """
        values = {"content": saying.content}
        language, warning, pictures = saying.language, saying.spoiler_text, saying.pictures
        if language:
            values["language"] = _escaped(language)
        if warning:
            values["warning"] = escape(warning)
        if pictures:
            values["pictures"] = self._pictures(pictures)
            if saying.hides_pictures:
                values["covers"] = "Sensitive pictures"
            elif covered:
                values["covers"] = "Filtered pictures"
        return values

    def _pictures(self, pictures: Sequence[ShownPicture]) -> str:
        drawn = [
            self._drawn(
                "picture",
                {
                    "small": one.small,
                    "large": one.large,
                    "width": str(one.width),
                    "height": str(one.height),
                    "description": escape(one.description),
                },
            )
            for one in pictures
        ]
        return self._drawn("pictures", {"number": str(len(pictures)), "pictures": "".join(drawn)})

    def _acts(self, post: Shown, me: Proving, values: Mapping[str, str]) -> str:
        """What a reader can do with the post."""
        mine = {name: values[name] for name in ("id", "path", "handle", "likes", "replies", "reposts")}
        mine["author"] = str(post.author.id)
        mine["quotings"] = str(post.counted.quotings or "")
        mine["proof"] = me.proof
        return self._drawn("acts", mine, post.marks, me.is_staff)

    def _named(self, macro: str, who: Face) -> str:
        person = self._person(who)
        return self._drawn(macro, {"name": person.name, "handle": person.handle})

    def _draw_person(self, who: Face) -> Person:
        face = self._draw_face(who.avatar, 44)
        return Person(str(escape(who.name)), str(escape(who.handle)), face, quote(f"/@{who.handle}"))

    def _draw_face(self, avatar: str | None, size: int) -> str:
        return self._drawn("face", {"avatar": escape(avatar or self._nobody), "size": str(size)})

    def _drawn(self, macro: str, values: Mapping[str, str], *given: object) -> str:
        """What a macro draws with HTML in its gaps. It runs once for what it is given and the gaps that there are."""
        key = (macro, *given, *values)
        sheet = self._sheets.get(key)
        if sheet is None:
            drawn = self._macro(macro)(*given, Gaps(self._mark, values.keys()))
            sheet = self._sheets[key] = Sheet(drawn, self._mark)
        return sheet.filled(values)

    def _macro(self, name: str) -> Any:
        return getattr(self._environment.get_template(TEMPLATE).module, name)


_escaped = lru_cache(256)(escape)
