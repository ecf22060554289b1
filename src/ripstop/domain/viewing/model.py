"""What is kept of filters: words and posts that somebody does not want to meet."""

import msgspec

from ripstop.engines.base import Counted
from ripstop.machinery.graph import ObjectType, TypeSet, association

HOME, NOTIFICATIONS, PUBLIC, THREAD, ACCOUNT = "home", "notifications", "public", "thread", "account"
CONTEXTS = (HOME, NOTIFICATIONS, PUBLIC, THREAD, ACCOUNT)
"""Where a filter applies."""

WARN, HIDE, BLUR = "warn", "hide", "blur"
ACTIONS = (WARN, HIDE, BLUR)
"""What is done with what it matches. The server leaves out what is to be hidden; the rest is for clients to do."""


class Keyword(msgspec.Struct, frozen=True, gc=False):
    """A text that a post may hold, in whatever case; `whole_word` says that it must not be part of a longer word."""

    id: int
    text: str
    whole_word: bool = True


class FilteredPost(msgspec.Struct, frozen=True, gc=False):
    """One post that the filter matches by itself."""

    id: int
    post: int


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A filter with all that it matches; at and after the instant `expires_at` it matches nothing."""

    owner: int
    title: str
    contexts: tuple[str, ...]
    action: str = WARN
    expires_at: int | None = None
    keywords: tuple[Keyword, ...] = ()
    posts: tuple[FilteredPost, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """The data of a row of HOLDS_FILTER: the version of the filter, so that each change of it changes the row."""

    version: int


FILTER = ObjectType(10, "filter", Filter)

HOLDS_FILTER = association(34, "holds_filter", counted=Counted.NO)
"""Account to each of its filters; the order is the filter's id. Written with each change of the filter, so that what is
kept of somebody's filters is dropped with it."""

OWN_FILTERS = TypeSet(HOLDS_FILTER)

ASSOCIATIONS = (HOLDS_FILTER,)
