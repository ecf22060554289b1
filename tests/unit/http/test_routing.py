"""Which endpoint answers."""

from __future__ import annotations

from typing import Any

import pytest

from ripstop.kernel.errors import NotFound
from ripstop.surfaces.http.errors import MethodNotAllowed
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Auth, Kind, Route, Router, accepted_scopes


async def handler(request: Request, params: Any) -> bytes:
    return b"{}"


def route(method: str, pattern: str) -> Route:
    return Route(method, pattern, handler)


ROUTER = Router(
    [
        route("GET", "/"),
        route("GET", "/api/v1/accounts/relationships"),
        route("GET", "/api/v1/accounts/{id}"),
        route("DELETE", "/api/v1/accounts/{id}"),
        route("POST", "/api/v1/accounts/{id}/follow"),
        route("GET", "/api/v1/timelines/tag/{hashtag}"),
        route("GET", "/api/v1/lists/{list_id}/accounts"),
        route("GET", "/@{name}/x"),
        route("GET", "/users/{name}"),
        route("GET", "/users/{id}/by_id"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "pattern", "args"),
    [
        ("GET", "/", "/", {}),
        ("GET", "/api/v1/accounts/relationships", "/api/v1/accounts/relationships", {}),
        ("HEAD", "/api/v1/accounts/relationships", "/api/v1/accounts/relationships", {}),
        ("GET", "/api/v1/accounts/relationships/", "/api/v1/accounts/relationships", {}),
        ("GET", "/api/v1/accounts/17", "/api/v1/accounts/{id}", {"id": 17}),
        ("GET", "/api/v1/accounts/17/", "/api/v1/accounts/{id}", {"id": 17}),
        ("DELETE", "/api/v1/accounts/17", "/api/v1/accounts/{id}", {"id": 17}),
        ("POST", "/api/v1/accounts/9223372036854775807/follow", "/api/v1/accounts/{id}/follow", {"id": (1 << 63) - 1}),
        ("GET", "/api/v1/timelines/tag/17", "/api/v1/timelines/tag/{hashtag}", {"hashtag": "17"}),
        ("GET", "/api/v1/timelines/tag/café", "/api/v1/timelines/tag/{hashtag}", {"hashtag": "café"}),
        ("GET", "/api/v1/lists/5/accounts", "/api/v1/lists/{list_id}/accounts", {"list_id": 5}),
        ("GET", "/@alice/x", "/@{name}/x", {"name": "alice"}),
        ("GET", "/users/17", "/users/{name}", {"name": "17"}),
        ("GET", "/users/17/by_id", "/users/{id}/by_id", {"id": 17}),
    ],
)
def test_a_path_finds_its_endpoint(method: str, path: str, pattern: str, args: dict[str, Any]) -> None:
    endpoint, found = ROUTER.find(method, path)
    assert endpoint.route.pattern == pattern
    assert found == args


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/api/v1/accounts",
        "/api/v1/accounts/alice",
        "/api/v1/accounts/0",
        "/api/v1/accounts/-1",
        "/api/v1/accounts/9223372036854775808",
        "/api/v1/accounts/99999999999999999999999999999999",
        "/api/v1/accounts/\u0661\u0667",
        "/api/v1/timelines/tag/",
        "/@/x",
        "/alice/x",
        "/api/v1/accounts/17/follow/more",
    ],
)
def test_an_unknown_path_or_id_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        ROUTER.find("POST", path)


def test_another_method_is_refused_with_those_that_are_allowed() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTER.find("POST", "/api/v1/accounts/17")
    assert caught.value.allowed == "DELETE, GET, HEAD, OPTIONS"


def test_mistakes_in_routes_show_when_they_are_made() -> None:
    with pytest.raises(ValueError, match="two routes"):
        Router([route("GET", "/a"), route("GET", "/a")])
    with pytest.raises(ValueError, match="another route names"):
        Router([route("GET", "/a/{id}/b"), route("POST", "/a/{a_id}/b")])
    with pytest.raises(ValueError, match="scope needs a token"):
        Route("GET", "/a", handler, scope="read")
    with pytest.raises(ValueError, match="slash"):
        route("GET", "/a/")
    with pytest.raises(ValueError, match="HEAD"):
        route("HEAD", "/a")


def test_scopes_have_umbrellas() -> None:
    assert accepted_scopes(None) is None
    assert accepted_scopes("read:accounts profile") == frozenset({"read:accounts", "read", "profile"})
    assert accepted_scopes("write:follows") == frozenset({"write:follows", "write", "follow"})
    assert accepted_scopes("admin:read:accounts") == frozenset({"admin:read:accounts", "admin:read"})


def test_kinds_follow_the_method_unless_the_route_says_otherwise() -> None:
    router = Router([route("GET", "/a"), route("POST", "/a"), Route("POST", "/b", handler, kind=Kind.SIGN_UP)])
    read, write, sign_up = (router.find(*key)[0] for key in (("GET", "/a"), ("POST", "/a"), ("POST", "/b")))
    assert (read.kind, read.anonymous_kind) == (Kind.READ, Kind.ANONYMOUS_READ)
    assert (write.kind, write.anonymous_kind) == (Kind.WRITE, Kind.WRITE)
    assert sign_up.kind is Kind.SIGN_UP
    assert Auth.NONE is read.auth
