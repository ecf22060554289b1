"""Which addresses may be asked at all: those of the public internet, and none behind which things of this server are.

The tables are those of IANA ("IPv4 and IPv6 Special-Purpose Address Registry"), written out, so that they do not depend
on what a version of Python takes for public.
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit, urlunsplit

_PRIVATE = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's translation
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local: where clouds tell machines their secrets
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""All of IPv6 that is given out; loopback, mapped, link-local, unique local and multicast addresses lie outside."""
_PRIVATE_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to addresses of IPv4
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 as hosts without IPv4 see them (RFC 6052)."""
MAX_URL = 2_000
"""Characters."""


class Refused(Exception):
    """Somebody wants this server to ask what it must not: trying again is of no use."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _PRIVATE)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _PUBLIC_6 and not any(address in network for network in _PRIVATE_6)


class Guard:
    """Says what may be asked.

    :param ports: of public addresses.
    :param allowed: networks that may be asked whatever they are, at any port.
    """

    def __init__(self, *, ports: Collection[int] = (80, 443), allowed: Iterable[str] = ()) -> None:
        self._ports = frozenset(ports)
        self._allowed: list[IPv4Network | IPv6Network] = [ip_network(network) for network in allowed]

    def permits(self, host: str, port: int) -> bool:
        """Whether this address, written as numbers, may be connected to."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and (address.scope_id is not None or address.ipv4_mapped is not None):
            return False  # of a wire of this machine; or IPv4 in disguise, which no name honestly leads to
        if any(address in network for network in self._allowed):
            return True
        return port in self._ports and is_public(address)

    def check_url(self, url: str) -> str:
        """The URL as it is asked, without its fragment.

        :raises Refused: it is none of the web, or says what none has to: a password, an odd port, a private address.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Refused("It is no address of the web.") from None
        if len(url) > MAX_URL or parts.scheme not in ("http", "https") or not host:
            raise Refused("It is no address of the web.")
        if not url.isprintable() or " " in url or "\\" in url:
            raise Refused("It holds what no address does.")
        if parts.username is not None or parts.password is not None:
            raise Refused("It holds a user name or a password.")
        if port not in self._ports and not self._allowed:
            raise Refused(f"Port {port} is not asked.")
        is_bare = ":" in host or host.replace(".", "").isdigit()
        if is_bare and not self.permits(host, port):
            raise Refused(f"{host} is not asked.")
        return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
