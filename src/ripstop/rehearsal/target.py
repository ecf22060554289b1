"""Where the crowd goes: one server, on this machine only, and the bytes of a request to it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

import msgspec

Form: TypeAlias = Mapping[str, str | Sequence[str]]


class NotLoopbackError(ValueError):
    """The address is not on this machine; a crowd sent there would be an attack."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A server under rehearsal.

    `address` and `port` are what connections are opened to; `host` is what the Host header says.
    """

    address: str
    port: int
    host: str

    @classmethod
    def from_url(cls, url: str) -> Target:
        """Read `http://host[:port]`.

        Raises NotLoopbackError unless every address of the host is a loopback address, and ValueError for
        anything but plain http.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"A rehearsal speaks plain HTTP to this machine: {url!r} is not an http:// address.")
        port = parts.port or 80
        try:
            found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotLoopbackError(f"The host {parts.hostname!r} has no address: {error}.") from error
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if not ipaddress.ip_address(address).is_loopback:
                raise NotLoopbackError(
                    f"A rehearsal loads this machine only: {parts.hostname!r} is {address}, "
                    "which is not a loopback address. Run it beside the server, against 127.0.0.1."
                )
        # A server that listens on 127.0.0.1 is often named `localhost`, which may resolve to ::1 first.
        chosen = next((address for address in addresses if ":" not in address), addresses[0])
        return cls(address=chosen, port=port, host=parts.netloc)

    def request(self, method: str, path: str, *, token: str = "", form: Form | None = None, key: str = "") -> bytes:
        """The bytes of one request; `form` becomes a urlencoded body, `key` an Idempotency-Key."""
        lines = [f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: ripstop-rehearsal\r\n"]
        if token:
            lines.append(f"Authorization: Bearer {token}\r\n")
        if key:
            lines.append(f"Idempotency-Key: {key}\r\n")
        if method == "GET":
            lines.append("\r\n")
            return "".join(lines).encode()
        body = urlencode(form, doseq=True) if form else ""
        if body:
            lines.append("Content-Type: application/x-www-form-urlencoded\r\n")
        lines.append(f"Content-Length: {len(body)}\r\n\r\n{body}")
        return "".join(lines).encode()
