"""What people write: the links, mentions and hashtags in it, how long it counts, and the HTML that it becomes.

The rules are those that users of the Mastodon API know: a link counts 23 characters wherever it leads, a mention of
somebody elsewhere counts without the domain, and characters are what a reader takes for one (grapheme clusters).
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import Enum
from html import escape
from typing import NamedTuple
from urllib.parse import quote

URL_LENGTH = 23
"""What any link counts, in characters."""
MAX_RAW = 10_000
"""Code points that are looked at; longer texts are refused before they are parsed."""
MAX_TAG = 100
"""Characters of a hashtag; longer ones are links, and lead to nothing."""
SHOWN_URL = 30
"""Characters of a link that are shown; the rest is there, and hidden."""

_MARKS = "".join(re.escape(chr(c)) for c in range(0x300, 0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc"))
_TOKEN = re.compile(
    r"(?=[@#\uff03h])(?:"  # spares the rest of the pattern at most places
    r"(?<![\w@$#/=])(?P<url>https?://[^\s<>\"`{}|\\^]+)"
    r"|(?<![\w@/=.])@(?P<user>[a-z0-9_][a-z0-9_.-]*)(?:@(?P<host>\w[\w.-]*))?"
    rf"|(?<![\w/=&])[#\uff03](?P<tag>[\w\u00b7{_MARKS}]+))",
    re.IGNORECASE,
)
_HOST = re.compile(r"https?://(?:[\w-]+\.)+[\w-]{2,}(?::\d{1,5})?(?=[/?#]|$)", re.IGNORECASE)
_TRAILING = ".,:;!?'\u2026\u3002\uff0c*"
_BRACKETS = {")": "(", "]": "[", "\uff09": "\uff08"}
_PARAGRAPHS = re.compile(r"\n{2,}")
_HIDDEN_PREFIX = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)


class Kind(Enum):
    """What a token is."""

    URL = "url"
    MENTION = "mention"
    TAG = "tag"


class Token(NamedTuple):
    """A part of a text that means something. `value` is the URL, `user` or `user@host`, or the hashtag's word."""

    kind: Kind
    start: int
    end: int
    value: str


class Person(NamedTuple):
    """Whom a mention leads to: the address of the profile, and the name that is shown."""

    url: str
    username: str


def tidy(text: str) -> str:
    """The text as it is kept: line ends as one kind, nothing around it, no invisible control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isprintable():
        text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return text.strip()


def scan(text: str) -> list[Token]:
    """All links, mentions and hashtags in a text, in their order."""
    if "@" not in text and "#" not in text and "://" not in text and "\uff03" not in text:
        return []
    tokens = []
    at = 0
    while (found := _TOKEN.search(text, at)) is not None:
        token = _token(found)
        if token is None:
            at = found.start() + 1
        else:
            tokens.append(token)
            at = token.end
    return tokens


def _token(found: re.Match[str]) -> Token | None:
    start = found.start()
    if found["url"] is not None:
        url = _trim_url(found["url"])
        return Token(Kind.URL, start, start + len(url), url) if _HOST.match(url) else None
    if found["tag"] is not None:
        tag = found["tag"]
        return Token(Kind.TAG, start, found.end(), tag) if any(c.isalpha() for c in tag) else None
    user = found["user"].rstrip(".-")
    host = found["host"]
    if host is None or user != found["user"]:
        return Token(Kind.MENTION, start, start + 1 + len(user), user)
    host = host.rstrip(".-")
    return Token(Kind.MENTION, start, found.start("host") + len(host), f"{user}@{host}")


def _trim_url(url: str) -> str:
    """Without the punctuation of the sentence around it; a closing bracket belongs to a link that opened it."""
    surplus = {closing: url.count(closing) - url.count(opening) for closing, opening in _BRACKETS.items()}
    end = len(url)
    while end:
        last = url[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return url[:end]


def count(text: str, tokens: Sequence[Token]) -> int:
    """How long a text counts, in characters as readers see them."""
    plain = text
    for token in reversed(tokens):
        if token.kind is Kind.URL:
            plain = plain[: token.start] + "x" * URL_LENGTH + plain[token.end :]
        elif token.kind is Kind.MENTION and "@" in token.value:
            plain = plain[: token.start + 1 + token.value.index("@")] + plain[token.end :]
    return len(plain) if plain.isascii() else _graphemes(plain)


def _graphemes(text: str) -> int:
    """Grapheme clusters, by the rules of Unicode's UAX 29 that matter to people: marks, joined emoji, flags."""
    total = 0
    joined = flag = False
    for c in text:
        point = ord(c)
        if joined and point != 0x200D:
            joined = False
            continue
        if point == 0x200D:
            joined = total > 0
        elif 0x1F1E6 <= point <= 0x1F1FF:
            total += not flag
            flag = not flag
            continue
        elif not (0x1F3FB <= point <= 0x1F3FF or unicodedata.category(c) in ("Mn", "Mc", "Me")) or not total:
            total += 1
        flag = False
    return total


def render(text: str, *, origin: str, person: Callable[[str], Person | None]) -> str:
    """The text as clean HTML: paragraphs and line breaks, links, mentions and hashtags; everything else escaped.

    :param origin: the public URL of this server, without a slash at the end.
    :param person: whom a handle (`user` or `user@host`) leads to; None leaves it as text.
    """
    html = render_line(text, origin=origin, person=person)
    if "\n" not in html:
        return f"<p>{html}</p>" if html else ""
    paragraphs = _PARAGRAPHS.sub("</p><p>", html).replace("\n", "<br />")
    return f"<p>{paragraphs}</p>"


def render_line(text: str, *, origin: str, person: Callable[[str], Person | None]) -> str:
    """The same without paragraphs, for a text of one line."""
    parts = []
    at = 0
    for token in scan(text):
        rendered = _render_token(token, text, origin, person)
        if rendered is not None:
            parts += [escape(text[at : token.start], quote=False), rendered]
            at = token.end
    parts.append(escape(text[at:], quote=False))
    return "".join(parts)


def _render_token(token: Token, text: str, origin: str, person: Callable[[str], Person | None]) -> str | None:
    if token.kind is Kind.URL:
        return link(token.value)
    if token.kind is Kind.TAG:
        sign = text[token.start]
        href = escape(tag_url(origin, token.value))
        return f'<a href="{href}" class="mention hashtag" rel="tag">{sign}<span>{escape(token.value)}</span></a>'
    known = person(token.value)
    if known is None:
        return None
    return (
        f'<span class="h-card" translate="no"><a href="{escape(known.url)}" class="u-url mention">'
        f"@<span>{escape(known.username)}</span></a></span>"
    )


def link(url: str) -> str:
    """A link as Mastodon draws it: without its scheme, and cut where it gets long; the hidden rest is still copied."""
    prefix = _HIDDEN_PREFIX.match(url)
    shown_from = prefix.end() if prefix else 0
    shown = url[shown_from : shown_from + SHOWN_URL]
    rest = url[shown_from + SHOWN_URL :]
    return (
        f'<a href="{escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{escape(url[:shown_from])}</span>'
        f'<span class="{"ellipsis" if rest else ""}">{escape(shown)}</span>'
        f'<span class="invisible">{escape(rest)}</span></a>'
    )


def tag_name(text: str) -> str | None:
    """The hashtag in lower case, given with or without its sign; None if this cannot be one."""
    name = text.lower().removeprefix("#")
    if len(name) > MAX_TAG:
        return None
    found = _TOKEN.fullmatch("#" + name)
    return name if found is not None and _token(found) is not None else None


def tag_url(origin: str, tag: str) -> str:
    """The page of a hashtag."""
    return f"{origin}/tags/{quote(tag.lower(), safe='')}"
