"""Which handler answers a method and a path."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

import msgspec

from ripstop.kernel.ids import MAX_ID
from ripstop.surfaces.http.errors import MethodNotAllowed, no_such_path
from ripstop.surfaces.http.params import Decoder
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Answer

Handler = Callable[[Request, Any], Awaitable[Answer]]
"""``async def handler(request: Request, params: P) -> Answer``; params is None where the route declares none."""

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Auth(Enum):
    """Whom a route serves."""

    NONE = "anybody; a token is not even looked at"
    OWN = "a user's token, for which the handler looks itself, since it may stand elsewhere"
    OPTIONAL = "anybody; a token, if there is one, must be good"
    APP = "any good token, of an application or of a user"
    USER = "a user's token"


class Kind(IntEnum):
    """How dear a request is: under overload, lower kinds are turned away first."""

    ANONYMOUS_READ = 0
    READ = 1
    WRITE = 2
    SIGN_UP = 3
    ALWAYS = 4
    """Never turned away, and answered without the store: health and metrics, by which an operator sees what goes on."""


class Quota(Enum):
    """What a request is counted as, where there are limits to how often somebody may ask."""

    NONE = "nothing: a page for people, or what an operator asks"
    REQUESTS = "a request of the API"
    UPLOADS = "an upload"
    DELETES = "taking back a post or a repost"
    SIGN_UPS = "a sign-up"
    EXPORTS = "taking an archive of one's account"


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One endpoint.

    :param pattern: ``/api/v1/accounts/{id}/follow``. Parts named ``id`` or ``…_id`` match ids only and arrive as int;
        others match any text, after what stands before them, as in ``/@{name}``.
    :param scope: scope that the token must hold, or several of which one will do, apart by spaces. ``write`` stands
        for every ``write:…``, and so on.
    :param params: struct that path, query and body are converted into.
    :param quota: default: REQUESTS below ``/api/`` and ``/oauth/``, NONE elsewhere. Others count as REQUESTS too.
    :param kind: default: READ for GET, WRITE for everything else. READ counts as ANONYMOUS_READ without a token.
    :param max_body: bytes, where the server's limit does not fit. A GET reads no body, unless it says so here.
    :param body_seconds: time for the body to arrive, where the server's limit does not fit.
    """

    method: str
    pattern: str
    handler: Handler
    scope: str | None = None
    auth: Auth = Auth.NONE
    params: type[msgspec.Struct] | None = None
    kind: Kind | None = None
    quota: Quota | None = None
    max_body: int | None = None
    body_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            msg = f"{self.method} {self.pattern}: HEAD and OPTIONS are answered by themselves, others are unknown"
            raise ValueError(msg)
        if not self.pattern.startswith("/") or (self.pattern != "/" and self.pattern.endswith("/")):
            msg = f"{self.pattern}: a pattern begins with a slash and does not end with one"
            raise ValueError(msg)
        if self.scope is not None and self.auth is Auth.NONE:
            msg = f"{self.method} {self.pattern}: a scope needs a token"
            raise ValueError(msg)


class Endpoint:
    """A route made ready to be served: what a request needs is looked up here, not worked out."""

    __slots__ = (
        "anonymous_kind",
        "auth",
        "body_seconds",
        "decoder",
        "handler",
        "is_dear",
        "is_open",
        "kind",
        "max_body",
        "quota",
        "route",
        "scopes",
    )

    def __init__(self, route: Route) -> None:
        self.route = route
        self.handler = route.handler
        self.auth = route.auth
        self.scopes = accepted_scopes(route.scope)
        self.decoder = Decoder(route.params) if route.params is not None else None
        self.max_body = 0 if route.method == "GET" and route.max_body is None else route.max_body
        self.body_seconds = route.body_seconds
        counted = Quota.REQUESTS if route.pattern.startswith(("/api/", "/oauth/")) else Quota.NONE
        quota = counted if route.quota is None else route.quota
        # Members of enums are slow to look up, so that what every request asks is a bare attribute.
        self.quota = None if quota is Quota.NONE else quota
        self.is_dear = quota not in (Quota.NONE, Quota.REQUESTS)
        self.is_open = route.auth in (Auth.NONE, Auth.OWN)
        default = Kind.READ if route.method == "GET" else Kind.WRITE
        self.kind = default if route.kind is None else route.kind
        self.anonymous_kind = Kind.ANONYMOUS_READ if self.kind is Kind.READ else self.kind


def accepted_scopes(scope: str | None) -> frozenset[str] | None:
    """All scopes of which a token must hold one: those named, and the umbrellas over them."""
    if scope is None:
        return None
    accepted = set()
    for one in scope.split():
        accepted.add(one)
        umbrella, colon, rest = one.rpartition(":")
        if colon:
            accepted.add(umbrella)
        if rest in {"follows", "blocks", "mutes"}:
            accepted.add("follow")
    return frozenset(accepted)


_NO_ARGS: Mapping[str, int | str] = {}


class Router:
    """Exact paths in a dict, patterns in a tree of segments; either way the cost does not grow with the routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._tree = _Node()
        self.endpoints: list[Endpoint] = []
        for route in routes:
            endpoint = Endpoint(route)
            self.endpoints.append(endpoint)
            methods = self._place(route.pattern)
            if route.method in methods:
                msg = f"two routes for {route.method} {route.pattern}"
                raise ValueError(msg)
            methods[route.method] = endpoint
            if route.method == "GET":
                methods["HEAD"] = endpoint

    def _place(self, pattern: str) -> "dict[str, Endpoint]":
        if "{" not in pattern:
            return self._exact.setdefault(pattern, {})
        node = self._tree
        names = []
        for segment in pattern[1:].split("/"):
            prefix, brace, name = segment.removesuffix("}").partition("{")
            if not brace:
                node = node.literals.setdefault(segment, _Node())
                continue
            names.append(name)
            only_ids = not prefix and names_id(name)
            node = node.ids if only_ids else node.texts.setdefault(prefix, _Node())
        if node.names and node.names != tuple(names):
            msg = f"{pattern} is a path whose parts another route names {node.names}"
            raise ValueError(msg)
        node.names = tuple(names)
        return node.methods

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, int | str]]:
        """The endpoint, and the parts of the path that its pattern names.

        :raises NotFound: no such path, or an id in it is none.
        :raises MethodNotAllowed: the path takes other methods.
        """
        methods = self._exact.get(path)
        if methods is not None:
            endpoint = methods.get(method)
            if endpoint is not None:
                return endpoint, _NO_ARGS
            raise MethodNotAllowed(_allowed(methods))
        if path.endswith("/") and path != "/":
            return self.find(method, path.rstrip("/") or "/")
        methods, args = self._search(path)
        endpoint = methods.get(method)
        if endpoint is None:
            raise MethodNotAllowed(_allowed(methods))
        return endpoint, args

    def _search(self, path: str) -> "tuple[dict[str, Endpoint], Mapping[str, int | str]]":
        found = self._tree.search(path[1:].split("/"), 0, ())
        if found is None:
            raise no_such_path()
        node, values = found
        return node.methods, dict(zip(node.names, values, strict=True))


class _Node:
    """One segment of the tree. A literal goes before an id, an id before a text.

    `texts` is by what stands before the named part, as in ``@{name}``: mostly nothing.
    """

    __slots__ = ("_ids", "literals", "methods", "names", "texts")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self._ids: _Node | None = None
        self.texts: dict[str, _Node] = {}
        self.methods: dict[str, Endpoint] = {}
        self.names: tuple[str, ...] = ()

    @property
    def ids(self) -> "_Node":
        if self._ids is None:
            self._ids = _Node()
        return self._ids

    def search(
        self, segments: list[str], place: int, values: tuple[int | str, ...]
    ) -> "tuple[_Node, tuple[int | str, ...]] | None":
        if place == len(segments):
            return (self, values) if self.methods else None
        segment = segments[place]
        literal = self.literals.get(segment)
        if literal is not None and (found := literal.search(segments, place + 1, values)) is not None:
            return found
        if self._ids is not None and (id_ := _parse_id(segment)) is not None:
            found = self._ids.search(segments, place + 1, (*values, id_))
            if found is not None:
                return found
        for prefix, node in self.texts.items():
            text = segment.removeprefix(prefix)
            if text and segment.startswith(prefix):
                found = node.search(segments, place + 1, (*values, text))
                if found is not None:
                    return found
        return None


def names_id(name: str) -> bool:
    """Whether a part of a path that is named so takes ids alone."""
    return name == "id" or name.endswith("_id")


def _parse_id(segment: str) -> int | None:
    """An id of at most 63 bits, or None."""
    if not segment.isascii() or not segment.isdigit() or len(segment) > 19:
        return None
    id_ = int(segment)
    return id_ if 0 < id_ <= MAX_ID else None


def _allowed(methods: Mapping[str, Endpoint]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS"}))
