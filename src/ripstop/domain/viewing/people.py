"""Lists of people that others make up: of who likes, who passes on, who follows."""

from collections.abc import Sequence

from ripstop.domain.accounts.model import ACCOUNT, Account
from ripstop.domain.posts.model import POST
from ripstop.domain.viewing.hydrate import limited_among
from ripstop.domain.viewing.sight import Place, sight_of
from ripstop.machinery.graph import Entry, Graph


async def met_among(graph: Graph, viewer: int | None, accounts: Sequence[int]) -> list[int]:
    """Those whom the viewer is shown in such a list: nobody whom it blocks or mutes, or who blocks it.

    One engine call at most, beside the viewer's relations.
    """
    sight = await sight_of(graph, viewer)
    if sight.is_partial:
        sight = await sight.knowing(graph, accounts)
    return [account for account in accounts if not sight.hides(account)]


async def asking_among(graph: Graph, viewer: int, accounts: Sequence[int]) -> list[int]:
    """Those who ask to follow the viewer, but for those whom it blocks, whose requests are about to end. At most one
    engine call, likewise."""
    sight = await sight_of(graph, viewer)
    if sight.is_partial:
        sight = await sight.knowing(graph, accounts)
    return [account for account in accounts if account not in sight.blocks]


async def listed_among(graph: Graph, viewer: int | None, accounts: Sequence[int]) -> list[int]:
    """Those of `met_among` whom the viewer is shown unasked: nobody whom moderators have limited, unless the viewer
    follows them. At most one engine call more."""
    met = await met_among(graph, viewer, accounts)
    limited = limited_among(await graph.get_many(ACCOUNT, met), await sight_of(graph, viewer))
    return [account for account in met if account not in limited]


async def who_passed_on(graph: Graph, viewer: int | None, reposts: Sequence[int]) -> list[int]:
    """The authors of those reposts that the viewer may see, in their order. Two engine calls at most, likewise."""
    found = await graph.get_many(POST, reposts)
    sight = await sight_of(graph, viewer)
    if sight.is_partial:
        sight = await sight.knowing(graph, {entry.value.author for entry in found.values()})
    seen = [found[id_].value for id_ in reposts if id_ in found]
    return [post.author for post in seen if sight.shows(post, Place.PUBLIC)]


async def may_list_people_of(graph: Graph, viewer: int | None, account: Entry[Account]) -> bool:
    """Whether the viewer is shown whom an account follows, and who follows it.

    One engine call at most, beside the viewer's relations.
    """
    if viewer == account.id:
        return True
    if account.value.hide_collections or account.value.is_suspended:
        return False
    sight = await sight_of(graph, viewer)
    if sight.is_partial:
        sight = await sight.knowing(graph, (account.id,))
    return account.id not in sight.blocked_by
