"""The security log of an account: what changed in how its owner proves to be it. Shown to the owner alone."""

from typing import NamedTuple

import msgspec

from ripstop.domain.accounts.model import SECURITY_LOG, Incident
from ripstop.kernel.ids import time_ms
from ripstop.machinery.graph import Graph, Write

MOST_KEPT = 100
"""Entries of one account; the oldest go."""

PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a word, no password
PASSWORD_RESET = "password_reset"  # noqa: S105 - likewise
"""By an operator, and so is `FACTORS_REMOVED`."""
TOTP_ON, TOTP_OFF = "totp_on", "totp_off"
PASSKEY_ADDED, PASSKEY_REMOVED = "passkey_added", "passkey_removed"
RECOVERY_RENEWED, RECOVERY_USED = "recovery_renewed", "recovery_used"
FACTORS_REMOVED = "factors_removed"


class Noted(NamedTuple):
    """An entry. `at` is its instant in milliseconds."""

    at: int
    what: str
    about: str


async def do_note(graph: Graph, write: Write, account: int, what: str, *, about: str = "") -> None:
    """Add an entry to a batch, and take the oldest out where there are too many. One engine call."""
    rows = await graph.range(account, SECURITY_LOG, limit=MOST_KEPT + 10)
    for row in rows[MOST_KEPT - 1 :]:
        write.remove(SECURITY_LOG, account, row.target)
    id_ = write.new_id()
    write.put(SECURITY_LOG, account, id_, order=id_, data=Incident(what=what, about=about))


async def security_log_of(graph: Graph, account: int, *, limit: int = MOST_KEPT) -> list[Noted]:
    """What happened, the newest first. One engine call."""
    rows = await graph.range(account, SECURITY_LOG, limit=limit)
    found = []
    for row in rows:
        incident = msgspec.json.decode(row.data or "{}", type=Incident)
        found.append(Noted(time_ms(row.target), incident.what, incident.about))
    return found
