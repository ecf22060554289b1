"""What a token may do: scopes as clients of the Mastodon API name them."""

from collections.abc import Iterable

_READ = "accounts blocks bookmarks favourites filters follows lists mutes notifications search statuses"
_WRITE = (
    "accounts blocks bookmarks conversations favourites filters follows lists media mutes notifications reports "
    "statuses"
)
_ADMIN = "accounts reports domain_allows domain_blocks ip_blocks email_domain_blocks canonical_email_blocks"

SCOPES: frozenset[str] = frozenset(
    [
        "read",
        "write",
        "follow",
        "push",
        "profile",
        "admin:read",
        "admin:write",
        *(f"read:{one}" for one in _READ.split()),
        *(f"write:{one}" for one in _WRITE.split()),
        *(f"admin:{verb}:{one}" for verb in ("read", "write") for one in _ADMIN.split()),
    ]
)
"""All that there are."""

DEFAULT_SCOPES = ("read",)
"""What is meant where nobody says anything."""

_FOLLOW = frozenset({"follows", "blocks", "mutes"})


def parse_scopes(text: str) -> tuple[str, ...]:
    """Scopes apart by spaces (or, as some clients write them, commas or plus signs), each once, in their order."""
    return tuple(dict.fromkeys(text.replace(",", " ").replace("+", " ").split()))


def covers(granted: Iterable[str], wanted: str) -> bool:
    """Whether these scopes allow the wanted one: `read` covers `read:accounts`, `follow` covers `write:follows`."""
    held = frozenset(granted)
    umbrella, _, noun = wanted.rpartition(":")
    return wanted in held or (umbrella != "" and umbrella in held) or (noun in _FOLLOW and "follow" in held)
