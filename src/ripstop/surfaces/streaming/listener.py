"""Somebody who listens, and what their token lets them hear."""

from abc import ABC, abstractmethod

from ripstop.domain.accounts.scopes import covers
from ripstop.domain.streams import Kind, Stream
from ripstop.kernel.errors import BadRequest, Forbidden, NotFound
from ripstop.surfaces.http.errors import MISSING_SCOPE
from ripstop.surfaces.streaming.news import News

STATUSES, NOTIFICATIONS = "read:statuses", "read:notifications"

MOST_STREAMS = 64
"""Streams of one connection."""
MOST_TAG = 200
"""Characters of a hashtag."""


class Listener(ABC):
    """One connection.

    :ivar streams: what it listens to; kept by the hub.
    :ivar secret: the token, to be asked for again and again.
    """

    __slots__ = ("hears_notifications", "scopes", "secret", "streams", "viewer")

    def __init__(self, viewer: int, secret: str, scopes: frozenset[str]) -> None:
        self.viewer = viewer
        self.secret = secret
        self.scopes = scopes
        self.hears_notifications = covers(scopes, NOTIFICATIONS)
        self.streams: set[Stream] = set()

    @abstractmethod
    def tell(self, stream: Stream, news: News) -> None:
        """Tell it something that a stream brought. Never waits: who does not keep up is let go."""

    @abstractmethod
    def beat(self) -> None:
        """Keep the connection from being taken for dead, and find out whether it is."""

    @abstractmethod
    def dismiss(self) -> None:
        """End the connection, since its token is good no more."""


def stream_named(
    name: str, viewer: int, scopes: frozenset[str], *, tag: str | None, list_: int | None = None
) -> Stream:
    """The stream that a client means. Whether a list is the viewer's is for `Hub.check_own`.

    :raises NotFound: there is none of this name.
    :raises BadRequest: it needs a hashtag, or a list.
    :raises Forbidden: the token lacks the scope.
    """
    try:
        kind = Kind(name)
    except ValueError:
        raise NotFound("Unknown stream type") from None
    if not covers(scopes, NOTIFICATIONS if kind is Kind.TOLD else STATUSES):
        raise Forbidden(MISSING_SCOPE)
    if kind is Kind.LIST:
        if list_ is None:
            raise BadRequest("Missing list parameter")
        return Stream(kind, list_)
    if kind in (Kind.HOME, Kind.TOLD, Kind.DIRECT):
        return Stream(kind, viewer)
    if kind in (Kind.TAG, Kind.TAG_LOCAL):
        wanted = (tag or "").strip().removeprefix("#").lower()
        if not 0 < len(wanted) <= MOST_TAG:
            raise BadRequest("Missing tag name parameter")
        return Stream(kind, wanted)
    return Stream(kind)
