"""The rows of the table: what was measured elsewhere, and what Ripstop is to reach.

GoToSocial 0.20 (Go, SQLite) and the throwaway prototype were measured on a machine of the same kind (two shared cores
of an AMD EPYC), with a harness of the same method.
"""

from __future__ import annotations

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row; its goal, and what the others took, in CPU milliseconds per request. `writes`: drained too."""

    name: str
    title: str
    gotosocial: str = ""
    prototype: str = ""
    goal: float
    writes: bool = False


ROWS = (
    Row(name="home", title="home, 20 posts", gotosocial="3.3 - 4.2", prototype="0.28", goal=0.35),
    Row(name="home_cold", title="home, every post's fragment cold", prototype="1.0", goal=0.8),
    Row(name="local", title="local timeline, 20 posts", gotosocial="5.2 - 6.1", goal=0.35),
    Row(name="context", title="thread context, 11 posts", gotosocial="1.0", goal=0.30),
    Row(
        name="post",
        title="post of 140 characters, until 15 followers have it",
        gotosocial="27 - 77",
        prototype="0.6 - 0.85",
        goal=1.2,
        writes=True,
    ),
    Row(
        name="favourite",
        title="favourite / unfavourite, with what follows from it",
        gotosocial="8 - 18",
        prototype="0.6 - 0.9",
        goal=0.9,
        writes=True,
    ),
    Row(
        name="follow",
        title="follow / unfollow, with what follows from it",
        gotosocial="4 - 7",
        goal=0.9,
        writes=True,
    ),
    Row(name="verify", title="verify_credentials", gotosocial="0.15", prototype="0.12", goal=0.14),
    Row(name="page", title="a page of the web app, 20 posts, rendered anew", goal=1.0),
    Row(
        name="mixed",
        title="mixed, 85 % reads",
        gotosocial="14 - 22",
        prototype="0.45",
        goal=0.65,
        writes=True,
    ),
    Row(
        name="sign_up",
        title="sign-up, the hashing helper's CPU apart",
        gotosocial="380 with its hash",
        prototype="0.42",
        goal=0.55,
        writes=True,
    ),
)

SIGN_UPS_PER_SECOND = 3000.0
SIGN_UP_P99_MS = 50.0
SEEN_P50_MS = 20.0
SEEN_P99_MS = 100.0
IDLE_PSS_MB = 110.0
LOADED_PSS_MB = 180.0
SOCKETS = 5_000
SOCKET_KB = 30.0
"""Memory of an idle WebSocket at most."""
TOLD_P99_MS = 1000.0
"""From the request of a post until the 1,000 WebSockets of its author's followers have it."""
GROWTH_AT_MOST = 1.4
LISTS_OF_HOME = 2.0
"""What a list may cost at most, as a multiple of home in the same run."""
