"""A request as handlers see it: a thin view of what the server hands over, in which costly parts are read on demand."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from ripstop.surfaces.http.form import Pairs, split_pairs
from ripstop.surfaces.http.networks import Networks


class Viewer(Protocol):
    """Who asks, as a token says. `account` is None for a token of an application alone, and for that of an account that
    is `pending`: it waits to be let in.
    """

    @property
    def account(self) -> int | None: ...

    @property
    def application(self) -> int | None: ...

    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def pending(self) -> bool: ...


class HeaderMap(Protocol):
    """Request headers by lower-case name; values that are not ASCII are told by no method but `in`."""

    def __contains__(self, key: str, /) -> bool: ...
    def get(self, key: str, default: str | None = None, /) -> str | None: ...
    def get_all(self, key: str, /) -> list[str]: ...


class Scope(Protocol):
    """What the server says of a request; each attribute is computed when it is read."""

    proto: str
    method: str
    path: str
    query_string: str
    client: str
    headers: HeaderMap


class Channel(Protocol):
    """The way back to the client, and the body."""

    def __call__(self) -> Awaitable[bytes]: ...
    def __aiter__(self) -> Any: ...
    def client_disconnect(self) -> Awaitable[None]: ...
    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...
    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Any: ...


class Request:
    """One request.

    `viewer` is set by the dispatcher for routes that ask for one, and `rate` to the headers that tell how often it may
    ask. `origin` is the public URL of the server, without
    a slash at the end. `args` holds the parts of the path that a pattern names: ids as int, all else as text.
    """

    __slots__ = ("_networks", "_query", "_scope", "args", "headers", "method", "origin", "path", "rate", "viewer")

    def __init__(
        self,
        scope: Scope,
        *,
        method: str,
        path: str,
        args: Mapping[str, int | str],
        origin: str,
        networks: Networks,
    ) -> None:
        self._scope = scope
        self._networks = networks
        self._query: Pairs | None = None
        self.method = method
        self.path = path
        self.args = args
        self.origin = origin
        self.headers = scope.headers
        self.viewer: Viewer | None = None
        self.rate: list[tuple[str, str]] | None = None

    @property
    def query(self) -> Pairs:
        """The query as pairs of name and value, decoded.

        :raises BadRequest: it is not UTF-8.
        """
        if self._query is None:
            self._query = split_pairs(self._scope.query_string)
        return self._query

    @property
    def account(self) -> int:
        """The id of the account that asks. For routes with `Auth.USER` only, where there always is one."""
        viewer = self.viewer
        if viewer is None or viewer.account is None:
            msg = "the route does not ask for a user"
            raise LookupError(msg)
        return viewer.account

    @property
    def network(self) -> str:
        """Where it comes from; empty for this machine, or a proxy that names nobody. See `Networks`."""
        network = self._networks.of(self._scope.client)
        if not network and "x-forwarded-for" in self.headers:
            return self._networks.behind(self.headers.get_all("x-forwarded-for"))
        return network

    def header(self, name: str) -> str | None:
        """The value of a header by its lower-case name."""
        return self.headers.get(name)
