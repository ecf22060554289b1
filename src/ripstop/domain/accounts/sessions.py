"""Sessions: browsers in which people are logged in. Each is an object that its owner can end."""

from typing import NamedTuple

from ripstop.domain.accounts.events import SessionOpened
from ripstop.domain.accounts.model import HOLDS_SESSION, SESSION, Session, session_name
from ripstop.domain.accounts.tokens import digest_of, new_secret
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry, Graph, Write

SESSION_SECONDS = 60 * 86_400
"""After which a session ends, whatever was done with it."""
MOST_SESSIONS = 50
"""Of one account; whoever logs in once more ends the oldest."""
MAX_AGENT = 200


class Opened(NamedTuple):
    """A new session. The secret is known here and now only."""

    account: int
    id: int
    secret: str


async def open_session(graph: Graph, account: int, *, agent: str) -> Opened:
    """Log somebody in who has proven to be it. One engine call and a commit.

    :param agent: what the browser calls itself, shown to the owner.
    """
    write = graph.write(account)
    opened = await do_enter(graph, write, account, agent=agent)
    await graph.commit(write)
    return opened


async def do_enter(graph: Graph, write: Write, account: int, *, agent: str) -> Opened:
    """Add a new session to a batch, and the end of the oldest where there are too many. One engine call."""
    rows = await graph.range(account, HOLDS_SESSION, limit=MOST_SESSIONS + 1)
    for row in rows[MOST_SESSIONS - 1 :]:
        do_close(write, account, row.target)
    return do_open(write, account, agent=agent, now_ms=graph.now_ms())


def do_open(write: Write, account: int, *, agent: str, now_ms: int) -> Opened:
    """Add a new session to a batch, whose home is the account's shard."""
    secret = new_secret()
    id_ = write.new_id()
    session = Session(
        account=account,
        hash=digest_of(secret),
        created_at=now_ms,
        expires_at=now_ms + SESSION_SECONDS * 1_000,
        agent=agent[:MAX_AGENT],
    )
    write.create(SESSION, id_, session)
    write.claim(session_name(session.hash), id_, expires=session.expires_at)
    write.put(HOLDS_SESSION, account, id_, order=id_)
    write.emit(SessionOpened(account=account, session=id_, ends=session.expires_at))
    return Opened(account, id_, secret)


def do_close(write: Write, account: int, session: int) -> None:
    """End a session in a batch; nothing happens if it has ended. Its name leads nowhere, and expires by itself."""
    write.delete(session)
    write.remove(HOLDS_SESSION, account, session)


async def find_session(graph: Graph, secret: str) -> Entry[Session] | None:
    """The session of a cookie, if it has not ended. One engine call, and another if the session is not cached."""
    name = session_name(digest_of(secret))
    id_ = (await graph.names((name,))).get(name)
    session = None if id_ is None else await graph.get(SESSION, id_)
    return session if session is not None and session.value.expires_at > graph.now_ms() else None


async def sessions_of(graph: Graph, account: int) -> list[Entry[Session]]:
    """All sessions of an account, the newest first. At most two engine calls."""
    rows = await graph.range(account, HOLDS_SESSION, limit=MOST_SESSIONS + 1)
    found = await graph.get_many(SESSION, [row.target for row in rows])
    return [found[row.target] for row in rows if row.target in found]


async def close_session(graph: Graph, account: int, session: int) -> None:
    """End a session of this account. At most one engine call and a commit.

    :raises NotFound: it has no such session.
    """
    entry = await graph.get(SESSION, session)
    if entry is None or entry.value.account != account:
        raise NotFound("There is no such session")
    write = graph.write(account)
    do_close(write, account, session)
    await graph.commit(write)
