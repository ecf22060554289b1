"""Roles, as Mastodon numbers and names them."""

from ripstop.domain.accounts.roles import ADMIN, MODERATOR, NO_ROLE, OWNER, POWERS

IDS = {NO_ROLE: "-99", MODERATOR: "1", ADMIN: "2", OWNER: "3"}
NAMES = {NO_ROLE: "", MODERATOR: "Moderator", ADMIN: "Admin", OWNER: "Owner"}


def role_fields(role: str) -> dict[str, object]:
    """A Role: what an account may do, for itself and for the staff."""
    return {
        "id": IDS[role],
        "name": NAMES[role],
        "permissions": str(int(POWERS[role])),
        "color": "",
        "highlighted": role != NO_ROLE,
    }


def shown_roles(role: str) -> list[dict[str, object]]:
    """The roles that everybody is shown of an account: there is one, or none."""
    return [] if role == NO_ROLE else [{"id": IDS[role], "name": NAMES[role], "color": ""}]
