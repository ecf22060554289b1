"""What scopes mean, in words for those who grant them."""

from collections.abc import Iterable

_NOUNS = {
    "accounts": "account and profile",
    "blocks": "blocks",
    "bookmarks": "bookmarks",
    "conversations": "conversations",
    "favourites": "favourites",
    "filters": "filters",
    "follows": "follows",
    "lists": "lists",
    "media": "pictures and other media",
    "mutes": "mutes",
    "notifications": "notifications",
    "reports": "reports",
    "search": "searches",
    "statuses": "posts",
}
_WHOLE = {
    "read": "See everything of your account, private posts included",
    "write": "Change everything of your account: post, like, follow, edit your profile",
    "follow": "See and change whom you follow, block and mute",
    "push": "Receive your notifications",
    "profile": "See your name and profile",
    "admin:read": "See everything that moderators see",
    "admin:write": "Do everything that moderators do",
}
_VERBS = {"read": "See your", "write": "Change your"}


def explain(scopes: Iterable[str]) -> list[str]:
    """A sentence for each scope."""
    return [_WHOLE.get(scope) or _explain_part(scope) for scope in scopes]


def _explain_part(scope: str) -> str:
    umbrella, _, noun = scope.rpartition(":")
    if umbrella in _VERBS:
        return f"{_VERBS[umbrella]} {_NOUNS[noun]}"
    return f"{'See' if umbrella.endswith('read') else 'Change'}, as moderators do: {noun.replace('_', ' ')}"
