"""Where a request comes from: the network that one customer has, seen past the proxies in front of this server."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

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
            network = self._known[client] = self.behind(client.rpartition(":")[0])
        return network

    def behind(self, said: str) -> str:
        """For whom a proxy asks: the last of whom it says so that is no proxy of ours. Empty: nothing is known.

        What anybody else says of itself does not count, so this is to be asked for proxies alone.
        """
        for host in reversed(said.split(",")):
            address = _address(host.strip())
            if address is None:
                break
            if not self._is_proxy(address):
                return _network(address)
        return ""

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in proxy for proxy in self._proxies)


def _network(address: IPv4Address | IPv6Address) -> str:
    return f"{address.exploded[:19]}::/64" if isinstance(address, IPv6Address) else str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
