"""Posts are drawn once: what is kept of them serves every page, until they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripstop.domain.posts.model import POST
from ripstop.domain.viewing import Seen
from ripstop.surfaces.web.cards import show
from ripstop.surfaces.web.pages import Renderer, SiteFacts
from ripstop.surfaces.web.static import Static
from tests.domain.house import House, a_house
from tests.stores import Place

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


async def drawn(house: House, renderer: Renderer, id_: int) -> str:
    """The post as a page has it now."""
    graph = house.base.graph
    await graph.sync()
    post = await graph.get(POST, id_)
    assert post is not None
    [shown] = await show(graph, [Seen(post, None)])
    return renderer.post(shown)


async def test_what_was_drawn_serves_until_the_post_changes(place: Place, tmp_path: Path) -> None:
    renderer = Renderer(Static(), SiteFacts("town", "town.test", "a town"))
    async with a_house(place, tmp_path) as house:
        [alice] = await house.people("alice")
        id_ = await alice.post("as it was")
        assert "as it was" in await drawn(house, renderer, id_)
        post = await house.base.graph.get(POST, id_)
        assert post is not None
        [key] = post.rendered
        post.rendered[key] = b"what was kept"
        assert await drawn(house, renderer, id_) == "what was kept"
        await house.ask("PUT", f"/api/v1/statuses/{id_}", token=alice.token, form={"status": "as it is"})
        assert "as it is" in await drawn(house, renderer, id_)


async def test_counts_are_filled_in_as_they_are_now(place: Place, tmp_path: Path) -> None:
    renderer = Renderer(Static(), SiteFacts("town", "town.test", "a town"))
    async with a_house(place, tmp_path) as house:
        alice, bob = await house.people("alice", "bob")
        id_ = await alice.post("like me")
        before = await drawn(house, renderer, id_)
        await house.ask("POST", f"/api/v1/statuses/{id_}/favourite", token=bob.token)
        after = await drawn(house, renderer, id_)
        assert ('<span class="count">1</span>' in before, '<span class="count">1</span>' in after) == (False, True)
