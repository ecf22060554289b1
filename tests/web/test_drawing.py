"""Posts fill the gaps of what was drawn for all of their kind: all of each is shown, and nothing of another."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from ripstop.domain.accounts.model import PRIVATE
from ripstop.domain.accounts.roles import Power
from ripstop.domain.media.model import Attachment, Shape
from ripstop.domain.posts.model import POST, Post, Quotation
from ripstop.domain.viewing import Seen
from ripstop.machinery.graph import Entry
from ripstop.surfaces.web.cards import Counted, Face, Marks, Shown, show
from ripstop.surfaces.web.pages import Renderer, SiteFacts
from ripstop.surfaces.web.shell import Me
from ripstop.surfaces.web.static import Static
from tests.domain.house import House, a_house
from tests.stores import Place

ALICE, BOB = Face(1, "Alice <3", "alice", "/media/alice.png"), Face(2, "Bob", "bob", None)
PICTURE = Attachment(id=5, key="key", large=Shape(600, 400), small=Shape(300, 200), blurhash="", description='a "cat"')
AT = 1_790_000_000_000


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(Static(), SiteFacts("town", "town.test", "a town"))


def a_post(number: int, author: Face = ALICE, **parts: Any) -> Shown:
    """A post that says its number, with these parts of a `Post`."""
    post = Post(author=author.id, created_at=AT, content=f"<p>says {number}</p>", **parts)
    return Shown(Entry(1, number, 1, post), number, author, "3m", Counted(0, 0, number, 0))


def test_a_post_says_all_of_itself_and_nothing_of_another(renderer: Renderer) -> None:
    said = {
        "spoiler_text": ("<i>careful</i>", "<summary dir=\"auto\">&lt;i&gt;careful&lt;/i&gt;</summary>"),
        "language": ("de", 'lang="de"'),
        "visibility": (PRIVATE, "followers</span>"),
        "edited_at": (AT, "/history\">edited</a>"),
        "media": ((PICTURE,), 'alt="a &#34;cat&#34;"'),
        "sensitive": (True, ""),
    }  # fmt: skip
    for number, chosen in enumerate(itertools.product((False, True), repeat=len(said)), 100):
        parts = {name for name, there in zip(said, chosen, strict=True) if there}
        html = renderer.post(a_post(number, BOB if number % 2 else ALICE, **{name: said[name][0] for name in parts}))
        for name, (_, mark) in said.items():
            assert not mark or (mark in html) == (name in parts), (name, parts)
        covered = {"media", "sensitive"} <= parts and "spoiler_text" not in parts
        assert ("Sensitive pictures" in html) == covered
        assert re.findall(r"says (\d+)", html) == re.findall(r'id="post-(\d+)"', html) == [str(number)]
        assert ("Bob" in html, "Alice &lt;3" in html) == (bool(number % 2), not number % 2)
        assert f'<span class="count">{number}</span>' in html


def test_what_stands_around_a_post_is_that_of_the_moment(renderer: Renderer) -> None:
    drawing, post = renderer._drawing, a_post(7)
    me = Me(BOB, 0, "proof-of-bob", Power(0))
    plain = str(drawing.card(post))
    around: dict[str, dict[str, Any]] = {
        "Bob</a> reposted": {"passed_on_by": BOB},
        "Reply to": {"answers": BOB},
        "Filtered: spiders &amp; snakes": {"filtered": "spiders & snakes"},
    }
    for mark, change in around.items():
        assert mark in str(drawing.card(post._replace(**change)))
        assert mark not in plain
    liked = str(drawing.card(post._replace(marks=Marks(liked=True)), me))
    assert 'value="unlike"' in liked
    assert "proof-of-bob" in liked
    assert 'value="like"' in str(drawing.card(post, me._replace(proof="another")))
    assert "proof-of-bob" not in str(drawing.card(post, me._replace(proof="another")))
    assert "/likes" in str(drawing.card(post, chosen=7))
    assert "/likes" not in str(drawing.card(post, chosen=8))
    assert str(drawing.card(post)) == plain


def test_a_quote_says_what_it_quotes_or_that_it_cannot_be_shown(renderer: Renderer) -> None:
    quoting = a_post(8, quote=Quotation(id=6, post=9, author=BOB.id, acct=BOB.handle))
    inner = a_post(9, BOB, spoiler_text="careful")._replace(ago="")
    html = renderer.post(quoting._replace(quoted=inner))
    assert re.findall(r"says (\d)", html) == ["8", "9"]
    assert "cannot be shown" in renderer.post(quoting)
    assert "says 9" not in renderer.post(quoting)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_post_is_drawn_as_it_is_now(place: Place, tmp_path: Path, renderer: Renderer) -> None:
    async def drawn(house: House, id_: int) -> str:
        graph = house.base.graph
        await graph.sync()
        post = await graph.get(POST, id_)
        assert post is not None
        [shown] = await show(graph, [Seen(post, None)])
        return renderer.post(shown)

    async with a_house(place, tmp_path) as house:
        alice, bob = await house.people("alice", "bob")
        id_ = await alice.post("as it was")
        before = await drawn(house, id_)
        await house.ask("PUT", f"/api/v1/statuses/{id_}", token=alice.token, form={"status": "as it is"})
        await house.ask("POST", f"/api/v1/statuses/{id_}/favourite", token=bob.token)
        after = await drawn(house, id_)
        assert ("as it was" in before, "as it is" in before) == (True, False)
        assert ("as it was" in after, "as it is" in after) == (False, True)
        assert ('<span class="count">1</span>' in before, '<span class="count">1</span>' in after) == (False, True)
