"""What people write: what is found in it, how long it counts, and the HTML that it becomes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripstop.domain.text import Kind, Person, count, render, scan, tidy

ORIGIN = "https://town.test"


def person(handle: str) -> Person | None:
    return Person(f"{ORIGIN}/@{handle}", handle.partition("@")[0]) if handle.startswith("alice") else None


def found(text: str) -> list[tuple[str, str]]:
    tokens = scan(text)
    for token in tokens:
        assert token.kind is Kind.URL or text[token.start] in "@#\uff03"
        assert text[token.start : token.end].endswith(token.value)
    return [(token.kind.value, token.value) for token in tokens]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing at all", []),
        ("@alice, @bob.", [("mention", "alice"), ("mention", "bob")]),
        ("(@alice@remote.example)", [("mention", "alice@remote.example")]),
        ("see @alice@remote.example.", [("mention", "alice@remote.example")]),
        ("@alice.@remote", [("mention", "alice")]),
        ("mail alice@example.org", []),
        ("https://example.org/@alice", [("url", "https://example.org/@alice")]),
        ("#cats #123 #c4t #_ #größe", [("tag", "cats"), ("tag", "c4t"), ("tag", "größe")]),
        ("\uff03日本 #हिन्दी", [("tag", "日本"), ("tag", "हिन्दी")]),
        ("word#tag /#tag", []),
        ("http://example.org.", [("url", "http://example.org")]),
        ("(http://example.org/a_(b))", [("url", "http://example.org/a_(b)")]),
        ("HTTPS://EXAMPLE.ORG/x?y=1#z!", [("url", "HTTPS://EXAMPLE.ORG/x?y=1#z")]),
        ("http://localhost http:// https://.x javascript:alert(1)", []),
        ("@alice #cats https://example.org:8080/", [("mention", "alice"), ("tag", "cats"), ("url", "https://example.org:8080/")]),
    ],
)  # fmt: skip
def test_what_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("hello", 5),
        ("https://example.org/" + "x" * 100, 23),
        ("http://a.example https://b.example", 47),
        ("@alice@remote.example", 6),
        ("é", 1),
        ("👨‍👩‍👧", 1),
        ("👍🏽👍", 2),
        ("🇩🇪🇫🇷", 2),
        ("🏳️‍🌈!", 2),
        ("日本語", 3),
    ],
)
def test_how_long_it_counts(text: str, length: int) -> None:
    assert count(text, scan(text)) == length


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("one\ntwo\n\n\nthree", "<p>one<br />two</p><p>three</p>"),
        ("@bob stays", "<p>@bob stays</p>"),
        (
            "@alice",
            (
                '<p><span class="h-card" translate="no"><a href="https://town.test/@alice" class="u-url mention">'
                "@<span>alice</span></a></span></p>"
            ),
        ),
        (
            "#Größe",
            (
                '<p><a href="https://town.test/tags/gr%C3%B6%C3%9Fe" class="mention hashtag" rel="tag">'
                "#<span>Größe</span></a></p>"
            ),
        ),
        (
            "https://www.example.org/a/long/way/to/go/there?a=1&b=2",
            (
                '<p><a href="https://www.example.org/a/long/way/to/go/there?a=1&amp;b=2" target="_blank" '
                'rel="nofollow noopener" translate="no"><span class="invisible">https://www.</span>'
                '<span class="ellipsis">example.org/a/long/way/to/go/t</span>'
                '<span class="invisible">here?a=1&amp;b=2</span></a></p>'
            ),
        ),
    ],
)
def test_the_html(text: str, html: str) -> None:
    assert render(text, origin=ORIGIN, person=person) == html


def test_tidy_keeps_line_ends_of_one_kind_and_drops_what_is_invisible() -> None:
    assert tidy("  a\r\nb\rc\x07\x1b[0m\td  \n") == "a\nb\nc[0m\td"


@given(st.text(alphabet=st.sampled_from(list("ab.@#/:-_&<>\"'()[] \nhttps1é👍‍")), max_size=60))
def test_whatever_is_written_is_escaped_and_nothing_is_lost(text: str) -> None:
    html = render(text, origin=ORIGIN, person=person)
    tags = re.findall(r"<[^>]*>", html)
    assert all(re.fullmatch(r"</?(p|a|span|br /)( [\w-]+=\"[^\"<>]*\")*>", tag) for tag in tags)
    for token in scan(text):
        assert 0 <= token.start < token.end <= len(text)
    words = re.sub(r"<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    words = words.replace("&quot;", '"').replace("&#x27;", "'")
    known = {
        token.value for token in scan(text) if token.kind is Kind.MENTION and person(token.value) and "@" in token.value
    }
    if not known:
        assert words.replace("\n", "") == text.replace("\n", "")
    assert count(text, scan(text)) >= 0
