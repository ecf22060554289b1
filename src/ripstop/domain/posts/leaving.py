"""What becomes of the posts of a deleted account, and of what it did with those of others."""

from collections.abc import Sequence

from ripstop.domain.accounts.erasure import Eraser
from ripstop.domain.posts.actions import do_delete
from ripstop.domain.posts.events import PostUnliked
from ripstop.domain.posts.model import (
    BOOKMARKED,
    FEATURES_TAG,
    FOLLOWS_TAG,
    LIKED,
    MUTES_THREAD,
    PINNED,
    POST,
    POSTED,
    REPOSTED,
)
from ripstop.engines.base import Association
from ripstop.machinery.functions import Functions
from ripstop.machinery.graph import Events, Graph, Write


class Leaving:
    """Clears up after deleted accounts: each post and each like ends as if its author had taken it back."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._eraser = Eraser(
            graph,
            "posts",
            plain=(REPOSTED, BOOKMARKED, PINNED, MUTES_THREAD, FOLLOWS_TAG, FEATURES_TAG),
            own={POSTED: self._delete, LIKED: self._unlike},
        )

    def register(self, functions: Functions, events: Events) -> None:
        """Declare the functions, and have them called."""
        self._eraser.register(functions, events)

    async def _delete(self, write: Write, account: int, rows: Sequence[Association]) -> None:
        posts = await self._graph.get_many(POST, [row.target for row in rows])
        for row in rows:
            post = posts.get(row.target)
            if post is None:
                write.remove(POSTED, account, row.target)
            else:
                await do_delete(self._graph, write, post)

    async def _unlike(self, write: Write, account: int, rows: Sequence[Association]) -> None:
        posts = await self._graph.get_many(POST, [row.target for row in rows])
        for row in rows:
            write.remove(LIKED, account, row.target)
            post = posts.get(row.target)
            if post is not None:  # else it takes its notifications with it
                author = post.value.author
                write.emit(PostUnliked(post=post.id, author=author, actor=account, like=row.order))
