"""What is read of a page, whatever it is."""

from __future__ import annotations

import pytest

from ripstop.domain.previews.page import MAX_DESCRIPTION, MAX_TITLE, MOST_BYTES, Found, read_page

LINK, URL = "https://news.test/a?utm_source=x", "https://news.test/a"
PAGE = """<!DOCTYPE html><!-- <meta property="og:title" content="no"> --><html lang="en-GB"><head>
<meta charset="utf-8"><title>A title | News</title>
<script>document.write('<meta property="og:title" content="no">')</script>
<meta property="og:title" content="A &quot;title&quot; &amp; more">
<meta content='What it is "about"' property='og:description'>
<META NAME=author CONTENT=Jo><meta property="og:site_name" content="The News">
<meta property="og:image" content="/pictures/1.jpg?a=1&amp;b=2"><meta property="og:image:alt" content="A cat">
</head><body><meta property="og:description" content="no"></body></html>"""


def read(page: str | bytes, charset: str = "") -> Found | None:
    return read_page(LINK, URL, page.encode() if isinstance(page, str) else page, charset)


def title(page: str | bytes, charset: str = "") -> str:
    found = read(page, charset)
    assert found is not None
    return found.card.title


def test_a_page_says_what_it_is() -> None:
    found = read(PAGE)
    assert found is not None
    card = found.card
    assert (card.link, card.url, card.site, card.author, card.language) == (LINK, URL, "The News", "Jo", "en")
    assert (card.title, card.description) == ('A "title" & more', 'What it is "about"')
    assert (found.picture, found.picture_description) == ("https://news.test/pictures/1.jpg?a=1&b=2", "A cat")


def test_what_html_had_before_is_taken_where_there_is_no_more() -> None:
    found = read("<title>\n A  title &lt;b&gt;\n</title><meta name=description content='of old'>")
    assert found is not None
    assert (found.card.title, found.card.description, found.card.site) == ("A title <b>", "of old", "news.test")
    assert (found.picture, found.card.language, found.card.author) == ("", None, "")


@pytest.mark.parametrize("page", ["", "hello", "<title></title>", "<title>  </title>", "\x00" * 100, "<html>", "<"])
def test_what_has_no_title_shows_nothing(page: str) -> None:
    assert read(page) is None


def test_texts_are_cut_and_plain() -> None:
    found = read(f"<title>{'x' * 5_000}</title><meta name=description content='{'y' * 5_000}'>")
    assert found is not None
    assert len(found.card.title) == MAX_TITLE
    assert len(found.card.description) == MAX_DESCRIPTION
    assert title("<title>a\x00\x07b\u202ec&#0;&#x1F600;</title>").startswith("ab")


@pytest.mark.parametrize(
    ("page", "charset", "said"),
    [
        ("<title>Grüße</title>".encode("latin-1"), "iso-8859-1", "Grüße"),
        ('<meta charset="windows-1252"><title>Grüße</title>'.encode("cp1252"), "", "Grüße"),
        ("<title>日本</title>".encode("shift_jis"), "Shift_JIS", "日本"),
        ("<title>日本</title>".encode(), "", "日本"),
        (b"<title>\xff\xfe broken</title>", "utf-8", "\ufffd\ufffd broken"),
        (b"<title>plain</title>", "zip_codec", "plain"),
        (b"<title>plain</title>", "idna", "plain"),
        (b"<title>plain</title>", "no-such-thing", "plain"),
    ],
)
def test_pages_are_read_in_their_charset(page: bytes, charset: str, said: str) -> None:
    assert title(page, charset) == said


@pytest.mark.parametrize("picture", ["javascript:alert(1)", "data:image/png;base64,AA", "file:///x", "http://[x", ""])
def test_pictures_are_of_the_web(picture: str) -> None:
    found = read(f'<title>t</title><meta property="og:image" content="{picture}">')
    assert found is not None
    assert found.picture == ""


@pytest.mark.parametrize(
    "bad",
    [
        "<meta " * 100_000,
        '<meta content="' * 40_000,
        "<meta a=" + "x" * 500_000,
        "<meta " + "a" * 500_000 + ">",
        ("<meta " + "a-" * 3_000 + ">") * 80,
        "<script>" * 60_000,
        "<!--" * 120_000,
        "<title>" * 70_000,
        "<" * 500_000,
        "<title>" + "&" * 500_000,
        "<meta charset" * 40_000,
    ],
    ids=lambda page: page[:12],
)
def test_no_page_takes_longer_than_it_is(bad: str) -> None:
    """What took time by the square of its length would take minutes here."""
    read(bad[:MOST_BYTES])
