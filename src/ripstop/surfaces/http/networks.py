"""Where a request comes from: the network that one customer has, seen past the proxies in front of this server."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"
"""Of whom a proxy says nothing that can be read."""
MOST_KNOWN = 10_000
"""Connections of which is kept where they come from; beyond, all of it is forgotten."""


class Networks:
    """Tells networks by the addresses that connect.

    :param proxies: addresses and networks whose `X-Forwarded-For` is believed, such as ``127.0.0.0/8``.
    """

    def __init__(self, proxies: Iterable[str] = ("127.0.0.0/8", "::1")) -> None:
        self._proxies = [ip_network(proxy) for proxy in proxies]
        self._known: dict[str, str] = {}

    def of(self, client: str) -> str:
        """An IPv4 address, or the 64 bits of IPv6 that one customer has; empty for a proxy.

        :param client: address and port of the other end.
        """
        network = self._known.get(client)
        if network is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            address = _address(client)
            network = "" if address is None or self._is_proxy(address) else _network(address)
            self._known[client] = network
        return network

    def behind(self, said: Sequence[str]) -> str:
        """For whom a proxy asks: the last of whom it says so that is no proxy of ours; empty for itself.

        What anybody else says of itself does not count, so this is to be asked for proxies alone.

        :param said: all lines of the header, without those that are not ASCII.
        """
        for host in reversed(",".join(said).split(",")):
            address = _address(host.strip())
            if address is None:
                return UNKNOWN
            if not self._is_proxy(address):
                return _network(address)
        return ""

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in proxy for proxy in self._proxies)


def _network(address: IPv4Address | IPv6Address) -> str:
    return f"{address.exploded[:19]}::/64" if isinstance(address, IPv6Address) else str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as it is written with a port or without."""
    host = text.partition("]")[0][1:] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
