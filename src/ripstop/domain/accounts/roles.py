"""What some accounts may do for the server: roles, and the powers that come with each.

The numbers of the powers are those that Mastodon gives its permissions, so that clients understand them.
"""

from enum import IntFlag

OWNER, ADMIN, MODERATOR, NO_ROLE = "owner", "admin", "moderator", ""
ROLES = (NO_ROLE, MODERATOR, ADMIN, OWNER)
"""From the lowest to the highest: nobody acts on somebody of the same rank or above."""


class Power(IntFlag):
    """What a role may allow."""

    ADMINISTRATOR = 1 << 0
    VIEW_DEVOPS = 1 << 1
    VIEW_AUDIT_LOG = 1 << 2
    VIEW_DASHBOARD = 1 << 3
    MANAGE_REPORTS = 1 << 4
    MANAGE_SETTINGS = 1 << 6
    MANAGE_USERS = 1 << 10
    MANAGE_RULES = 1 << 12
    MANAGE_ROLES = 1 << 17
    MANAGE_USER_ACCESS = 1 << 18
    DELETE_USER_DATA = 1 << 19


_MODERATES = Power.VIEW_AUDIT_LOG | Power.VIEW_DASHBOARD | Power.MANAGE_REPORTS | Power.MANAGE_USERS
_ADMINISTERS = (
    _MODERATES
    | Power.VIEW_DEVOPS
    | Power.MANAGE_SETTINGS
    | Power.MANAGE_RULES
    | Power.MANAGE_ROLES
    | Power.MANAGE_USER_ACCESS
    | Power.DELETE_USER_DATA
)
POWERS = {
    NO_ROLE: Power(0),
    MODERATOR: _MODERATES,
    ADMIN: _ADMINISTERS,
    OWNER: _ADMINISTERS | Power.ADMINISTRATOR,
}


def rank(role: str) -> int:
    """How high a role stands."""
    return ROLES.index(role)
