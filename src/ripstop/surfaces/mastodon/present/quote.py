"""The Quote, ShallowQuote and QuoteApproval entities, and what else a Status says of who may do what with it."""

from collections.abc import Iterable
from itertools import product

import msgspec

from ripstop.domain.accounts.model import DIRECT, EVERYONE, NOBODY, PUBLIC, QUOTE_POLICIES, REPLY_POLICIES
from ripstop.domain.posts.audience import quote_policy, reply_policy
from ripstop.domain.posts.model import Post
from ripstop.domain.text import link
from ripstop.domain.viewing import Permissions, Quoted
from ripstop.domain.viewing.quotes import UNAUTHORIZED


def _terms_bytes(quote: str, reply: str | None, allowed: Permissions | None) -> bytes:
    fields: dict[str, object] = {
        "quote_approval": {
            "automatic": [] if quote == NOBODY else [quote],
            "manual": [],
            "current_user": "automatic" if allowed is not None and allowed.quote else "denied",
        },
        "reply_policy": reply,
    }
    if allowed is not None:
        fields["current_user_can_reply"] = allowed.reply
    return b"," + msgspec.json.encode(fields)[1:-1]


_ALLOWED = (None, *(Permissions(*allowed) for allowed in product((False, True), (False, True, None))))
_TERMS = {terms: _terms_bytes(*terms) for terms in product(QUOTE_POLICIES, (*REPLY_POLICIES, None), _ALLOWED)}
"""All that there is to say, by both policies and what the viewer may do; None stands for nobody in particular."""


def terms_of(post: Post, allowed: Permissions | None) -> bytes:
    """Who may quote a post and answer it, and whether the viewer may."""
    return _TERMS[quote_policy(post), reply_policy(post), allowed]


def own_terms(post: Post) -> bytes:
    """The same for its author, who may do whatever can be done."""
    return terms_of(post, Permissions(post.visibility != DIRECT, True if post.root is None else None))


def is_open(post: Post) -> bool:
    """Whether everybody may quote a post and answer it, so that what is said of that is one of `open_terms`."""
    return post.quote_policy == PUBLIC and post.reply_policy == EVERYONE


def open_terms(viewer: int | None) -> tuple[bytes, bytes]:
    """What is said of who may quote an open post and answer it: of one that begins a thread, and of an answer."""
    if viewer is None:
        return _TERMS[PUBLIC, EVERYONE, None], _TERMS[PUBLIC, None, None]
    return _TERMS[PUBLIC, EVERYONE, Permissions(True, True)], _TERMS[PUBLIC, None, Permissions(True, None)]


def quote(quoted: Quoted, status: Iterable[bytes] | None) -> bytes:
    """The key `quote` of a Status, which says why where nothing is quoted.

    :param status: the quoted Status, in pieces; None if its author is gone.
    """
    if quoted.post is not None and status is not None:
        return b"".join((b',"quote":{"state":"accepted","quoted_status":', *status, b"}"))
    state = quoted.state if quoted.post is None else UNAUTHORIZED
    return b',"quote":' + msgspec.json.encode({"state": state, "quoted_status": None})


def shallow_quote(quoted: Quoted) -> bytes:
    """The same within a Status that is itself quoted: an id alone."""
    id_ = None if quoted.post is None else str(quoted.post.id)
    return b',"quote":' + msgspec.json.encode({"state": quoted.state, "quoted_status_id": id_})


def content_of(post: Post, origin: str) -> str:
    """What a post says; in front, for clients that do not know of quotes, a link to what it quotes.

    :param origin: the server's public URL, without a slash at the end.
    """
    if post.quote is None or post.quote.revoked:
        return post.content
    url = f"{origin}/@{post.quote.acct}/{post.quote.post}"
    if url in post.text:
        return post.content
    return f'<p class="quote-inline">RE: {link(url)}</p>{post.content}'
