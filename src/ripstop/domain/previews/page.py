"""Reading what a page says of itself: Open Graph, and what HTML had before it.

A page is whatever somebody put there. It is gone through once from its beginning, in time that grows with its length,
and whatever is read of it is plain text of bounded length.
"""

import re
from html import unescape
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from ripstop.domain.posts.model import Card
from ripstop.domain.text import tidy

MOST_BYTES = 512 * 1024
"""Of a page that are looked at: what it says of itself stands at its beginning."""
MAX_TITLE, MAX_DESCRIPTION, MAX_SHORT, MAX_ADDRESS = 250, 500, 100, 2_000
"""Characters that are kept."""

_MOST_TAGS = 2_000
_MAX_TAG = 8_000
"""Characters of one tag; a page with a longer one is not read on."""
_NAME = re.compile(r"<(!--|/?[a-zA-Z][a-zA-Z0-9]{0,15})")
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([a-zA-Z:_-]{1,40})\s{0,8}=\s{0,8}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([a-zA-Z0-9_-]{1,40})", re.IGNORECASE)
_CHARSET = re.compile(
    r"(utf-?8|us-ascii|latin-?1|iso-8859-\d{1,2}|windows-125\d|cp125\d|koi8-[ru]|shift[-_]jis|euc-(jp|kr)|gb2312|gbk|gb18030"
    r"|big5)"
)
"""Those of the web. Python knows others, which are no charsets at all, or slow."""
_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:[-_][a-zA-Z0-9]+)*")
_SKIPPED = {"script": "</script", "style": "</style", "noscript": "</noscript", "svg": "</svg"}


class Found(NamedTuple):
    """A card without its picture, and where that is, with what it shows in words."""

    card: Card
    picture: str
    picture_description: str


def read_page(link: str, url: str, body: bytes, charset: str) -> Found | None:
    """What a page shows itself as; None if it has no title.

    :param link: as it stands in the post.
    :param url: where it led in the end.
    :param charset: as the server said, if it did.
    """
    said = _Said.of(_decoded(body, charset))
    title = _text(said.first("og:title", "twitter:title") or said.title, MAX_TITLE)
    if not title:
        return None
    author = _text(said.first("author", "article:author"), MAX_SHORT)
    language = _LANGUAGE.fullmatch(said.language)
    card = Card(
        link=link,
        url=url,
        title=title,
        description=_text(said.first("og:description", "twitter:description", "description"), MAX_DESCRIPTION),
        site=_text(said.first("og:site_name", "application-name"), MAX_SHORT) or urlsplit(url).hostname or "",
        author="" if "://" in author else author,
        language=language[1].lower() if language else None,
    )
    picture = said.first("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
    return Found(card, _address(url, picture), _text(said.first("og:image:alt", "twitter:image:alt"), MAX_DESCRIPTION))


class _Said:
    """What stands at the head of a page."""

    def __init__(self) -> None:
        self.title = ""
        self.language = ""
        self._meta: dict[str, str] = {}

    @classmethod
    def of(cls, text: str) -> "_Said":
        """Go through a page until its head ends."""
        said = cls()
        at = 0
        for _ in range(_MOST_TAGS):
            found = _NAME.search(text, at)
            if found is None:
                break
            name = found[1].lower()
            if name in ("/head", "body"):
                break
            end = text.find("-->", found.end()) if name == "!--" else _end_of_tag(text, found.end())
            if end < 0:
                break
            at = said._take(name, text, found.end(), end)
            if at < 0:
                break
        return said

    def first(self, *names: str) -> str:
        """The first of these that says anything."""
        return next((value for name in names if (value := self._meta.get(name, ""))), "")

    def _take(self, name: str, text: str, start: int, end: int) -> int:
        """Read one tag, and answer from where to go on; -1: no further."""
        if name == "meta":
            attributes = _attributes(text[start:end])
            key = (attributes.get("property") or attributes.get("name") or "").strip().lower()
            self._meta.setdefault(key, attributes.get("content", ""))
        elif name == "html":
            self.language = _attributes(text[start:end]).get("lang", "").strip()
        elif name == "title" and not self.title:
            closing = text.find("<", end)
            self.title = text[end + 1 : closing if closing >= 0 else None][:10_000]
        elif name in _SKIPPED:
            closing = text.find(_SKIPPED[name], end)
            return closing + 1 if closing >= 0 else -1
        return end + 1


def _end_of_tag(text: str, start: int) -> int:
    """Where the tag that is open at `start` ends: at the first bracket that no quotes are around; -1: too far."""
    quote = ""
    for at in range(start, min(len(text), start + _MAX_TAG)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and text[at - 1 : at].strip() in ("=", ""):
            quote = letter
        elif letter == ">":
            return at
    return -1


def _attributes(tag: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(tag):
        found.setdefault(name.lower(), double or single or bare)
    return found


def _decoded(body: bytes, charset: str) -> str:
    declared = _DECLARED.search(body, 0, 2_048)
    for name in (charset, declared[1].decode() if declared else ""):
        if _CHARSET.fullmatch(name.lower()):
            return body.decode(name, "replace")
    return body.decode("utf-8", "replace")


def _text(html: str, most: int) -> str:
    """Plain text in one line, of bounded length."""
    text = " ".join(tidy(unescape(html[: 10 * most])).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"


def _address(base: str, given: str) -> str:
    """The whole address of a picture; empty if there is none."""
    given = unescape(given[: 2 * MAX_ADDRESS]).strip()
    try:
        address = urljoin(base, given) if given else ""
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) and len(address) <= MAX_ADDRESS else ""
