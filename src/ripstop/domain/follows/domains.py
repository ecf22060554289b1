"""Servers that somebody does not want to hear from. There are none yet; the wish is kept until there are."""

import hashlib
from collections.abc import Sequence

import msgspec

from ripstop.domain.accounts.check import is_domain, tidy_domain
from ripstop.domain.follows.model import BLOCKS_DOMAIN
from ripstop.engines.base import Association
from ripstop.kernel.errors import Invalid
from ripstop.kernel.ids import MAX_ID
from ripstop.machinery.graph import Graph

MOST_DOMAINS = 1_000
"""Servers that one account blocks. Several at once may come out a few above it."""


class BlockedDomain(msgspec.Struct, frozen=True, gc=False):
    """The data of a blocked server: its name, which its id does not tell."""

    name: str


_decode = msgspec.json.Decoder(BlockedDomain).decode


async def block_domain(graph: Graph, account: int, domain: str) -> None:
    """Block a server; once is enough. One engine call and a commit.

    :raises Invalid: this is no name of a server, or as many are blocked as may be.
    """
    name = _tidy(domain)
    if len(await graph.range(account, BLOCKS_DOMAIN, limit=MOST_DOMAINS)) >= MOST_DOMAINS:
        raise Invalid(f"Validation failed: You cannot block more than {MOST_DOMAINS:,} domains")
    write = graph.write(account)
    write.put(BLOCKS_DOMAIN, account, _domain_id(name), order=write.new_id(), data=BlockedDomain(name), if_absent=True)
    await graph.commit(write)


async def unblock_domain(graph: Graph, account: int, domain: str) -> None:
    """Block it no more. One commit.

    :raises Invalid: this is no name of a server.
    """
    write = graph.write(account)
    write.remove(BLOCKS_DOMAIN, account, _domain_id(_tidy(domain)))
    await graph.commit(write)


def blocked_names(rows: Sequence[Association]) -> list[str]:
    """The names of the servers in rows of BLOCKS_DOMAIN."""
    return [_decode(row.data or "").name for row in rows]


def _tidy(domain: str) -> str:
    """The name in lower case.

    :raises Invalid: it is none.
    """
    name = tidy_domain(domain)
    if not is_domain(name):
        raise Invalid("Validation failed: Domain is not a valid domain name")
    return name


def _domain_id(name: str) -> int:
    """The id under which a server stands in the list: a hash of its name, needing no look-up."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") & MAX_ID or 1
