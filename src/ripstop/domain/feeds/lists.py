"""The timeline of a list."""

from ripstop.domain.feeds.merging import merged
from ripstop.domain.feeds.page import Page, Stretch, Window, fill_page
from ripstop.domain.follows.model import List
from ripstop.domain.viewing import Place, list_sight, sight_of
from ripstop.machinery.graph import Entry, Graph


async def list_timeline(graph: Graph, entry: Entry[List], window: Window) -> Page:
    """What the members of a list posted and passed on, for its owner, by the rules of home and its own for answers."""
    sight = await sight_of(graph, entry.value.owner)
    listed = await list_sight(graph, entry, sight)

    async def skeleton(stretch: Stretch) -> list[int]:
        return await merged(graph, listed.authors, stretch) if listed.authors else []

    return await fill_page(graph, sight, Place.HOME, window, skeleton, distinct=True, keep=listed.wants)
