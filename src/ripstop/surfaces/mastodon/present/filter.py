"""The Filter entities of both versions, and what a Status says of filters that it matches."""

from collections.abc import Iterable

import msgspec

from ripstop.domain.viewing.filters import Match
from ripstop.domain.viewing.model import HIDE, Filter, FilteredPost, Keyword
from ripstop.machinery.graph import Entry
from ripstop.surfaces.mastodon.present.instants import instant

NOTHING_FILTERED = b'"filtered":[]'
"""What a Status says that matches no filter."""


def filtered(matches: Iterable[Match]) -> bytes:
    """What it says instead: a FilterResult for each filter."""
    results = [
        {
            "filter": _fields(match.filter),
            "keyword_matches": match.keywords or None,
            "status_matches": [str(post) for post in match.posts] or None,
        }
        for match in matches
    ]
    return b'"filtered":' + msgspec.json.encode(results)


def filter_fields(entry: Entry[Filter]) -> dict[str, object]:
    """A Filter of version 2."""
    return {
        **_fields(entry),
        "keywords": [keyword_fields(keyword) for keyword in entry.value.keywords],
        "statuses": [post_fields(post) for post in entry.value.posts],
    }


def keyword_fields(keyword: Keyword) -> dict[str, object]:
    return {"id": str(keyword.id), "keyword": keyword.text, "whole_word": keyword.whole_word}


def post_fields(post: FilteredPost) -> dict[str, object]:
    return {"id": str(post.id), "status_id": str(post.post)}


def old_filter_fields(value: Filter, keyword: Keyword) -> dict[str, object]:
    """A filter of version 1: one keyword, with what its filter says."""
    return {
        "id": str(keyword.id),
        "phrase": keyword.text,
        "context": value.contexts,
        "whole_word": keyword.whole_word,
        "expires_at": None if value.expires_at is None else instant(value.expires_at),
        "irreversible": value.action == HIDE,
    }


def _fields(entry: Entry[Filter]) -> dict[str, object]:
    value = entry.value
    return {
        "id": str(entry.id),
        "title": value.title,
        "context": value.contexts,
        "expires_at": None if value.expires_at is None else instant(value.expires_at),
        "filter_action": value.action,
    }
