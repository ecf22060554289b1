"""What is said by other servers, and within which bounds."""

from collections.abc import Mapping
from dataclasses import dataclass


class Unreachable(Exception):
    """It did not answer, or not in a way that can be understood: it may another time."""


class TooMuch(Exception):
    """The answer is larger than it was allowed to be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds of one request, its redirects included. `bytes` is of a body, packed and unpacked."""

    seconds: float = 10.0
    bytes: int = 1 << 20
    redirects: int = 5
    connections: int = 20
    """At the same time, of one process."""
    connections_of_host: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What another server said. `url` is where it was found in the end, header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The type of the body, such as `text/html`; empty if it is not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """How its text is encoded, as far as that is said."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'").lower()
        return ""
