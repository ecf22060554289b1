"""From what an author wrote to what can be published: checks, and everything that follows from the text."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.check import is_language
from ripstop.domain.accounts.model import ACCOUNT, DIRECT, PUBLIC, VISIBILITIES, account_name
from ripstop.domain.posts.model import Mention, Post
from ripstop.domain.text import MAX_RAW, MAX_TAG, Kind, Person, Token, count, render, scan, tidy
from ripstop.kernel.errors import Invalid
from ripstop.machinery.graph import Graph

MAX_CHARACTERS = 500
"""Of text and content warning together."""
MOST_MENTIONS = 50
"""People that one post mentions; whoever is named beyond stays plain text, and is not told."""
MOST_TAGS = 50


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an author wants to publish.

    `media` are ids of pictures. A `reply_policy` is for what begins a thread; None there means everybody.
    """

    text: str
    visibility: str
    spoiler_text: str = ""
    sensitive: bool = False
    language: str | None = None
    media: tuple[int, ...] = ()
    quote_policy: str = PUBLIC
    reply_policy: str | None = None


class Composed(NamedTuple):
    """A draft that may be published."""

    text: str
    content: str
    spoiler_text: str
    mentions: tuple[Mention, ...]
    tags: tuple[str, ...]
    link: str
    """The first link that leads elsewhere, or empty."""


async def compose(graph: Graph, draft: Draft, *, origin: str, domain: str, may_be_blank: bool = False) -> Composed:
    """Check a draft and work out what it says. Two engine calls if it names people, none otherwise.

    :param origin: the public URL of this server, to which mentions and hashtags lead.
    :param domain: the domain after which local people may be named too.
    :param may_be_blank: whether there is something else in it than text.
    :raises Invalid: with what is wrong.
    """
    text, spoiler_text = tidy(draft.text), tidy(draft.spoiler_text).replace("\n", " ")
    _check(draft, text, spoiler_text, may_be_blank=may_be_blank)
    tokens = scan(text)
    if count(text, tokens) + count(spoiler_text, ()) > MAX_CHARACTERS:
        raise _too_long()
    mentions = await _find_people(graph, tokens, domain)
    people = {handle: Person(f"{origin}/@{mention.acct}", mention.username) for handle, mention in mentions.items()}
    content = render(text, origin=origin, person=lambda handle: people.get(_plain(handle, domain)))
    tags = dict.fromkeys(t.value.lower() for t in tokens if t.kind is Kind.TAG and len(t.value) <= MAX_TAG)
    distinct = {mention.id: mention for mention in mentions.values()}
    return Composed(
        text, content, spoiler_text, tuple(distinct.values()), tuple(tags)[:MOST_TAGS], first_link(tokens, origin)
    )


def first_link(tokens: Sequence[Token], origin: str) -> str:
    """The first link of a text that leads elsewhere than to this server, or empty."""
    here = origin + "/"
    return next((t.value for t in tokens if t.kind is Kind.URL and not f"{t.value}/".startswith(here)), "")


def carded(post: Post, link: str) -> str:
    """The link of which a post shows a card, or empty: pictures and quotes are shown in its place, and those whom a
    direct post names are nobody else's business."""
    return "" if post.media or post.quote is not None or post.visibility == DIRECT else link


def _check(draft: Draft, text: str, spoiler_text: str, *, may_be_blank: bool) -> None:
    if not text and not may_be_blank:
        raise Invalid("Validation failed: Text can't be blank", details={"text": [("ERR_BLANK", "can't be blank")]})
    if len(text) + len(spoiler_text) > MAX_RAW:
        raise _too_long()
    if draft.visibility not in VISIBILITIES:
        raise Invalid("Validation failed: Visibility is not included in the list")
    if draft.language is not None and not is_language(draft.language):
        raise Invalid("Validation failed: Language is not a supported value")


def _too_long() -> Invalid:
    sentence = f"character limit of {MAX_CHARACTERS} exceeded"
    return Invalid(f"Validation failed: Text {sentence}", details={"text": [("ERR_TOO_LONG", sentence)]})


async def _find_people(graph: Graph, tokens: list[Token], domain: str) -> dict[str, Mention]:
    """Whom the handles in a text lead to, by their plain form."""
    handles = list(dict.fromkeys(_plain(t.value, domain) for t in tokens if t.kind is Kind.MENTION))[:MOST_MENTIONS]
    if not handles:
        return {}
    names = {handle: account_name(*handle.partition("@")[::2]) for handle in handles}
    holders = await graph.names(list(names.values()))
    accounts = await graph.get_many(ACCOUNT, set(holders.values()))
    found = {}
    for handle, name in names.items():
        account = accounts.get(holders.get(name, 0))
        if account is not None and not account.value.is_hidden:
            found[handle] = Mention(account.id, account.value.username, account.value.domain)
    return found


def _plain(handle: str, domain: str) -> str:
    """A handle in lower case, without the domain where it is our own."""
    return handle.lower().removesuffix("@" + domain.lower())
