"""From a request to its answer, without sockets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ripstop.kernel.errors import Conflict, Invalid, NotFound, Overloaded, TooManyRequests
from ripstop.surfaces.http.errors import OAuthError
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json, page, text
from ripstop.surfaces.http.routing import Auth, Kind, Route
from tests.unit.http.web import ORIGIN, App


class Echo(msgspec.Struct, kw_only=True):
    """What the echoing routes take."""

    id: Id | None = None
    text: str = ""
    flag: bool = False
    ids: list[Id] = []


async def echo(request: Request, params: Echo) -> Response:
    return json(params)


async def who(request: Request, params: None) -> Response:
    viewer = request.viewer
    return json(None if viewer is None else viewer.account)


async def own(request: Request, params: None) -> bytes:
    return str(request.account).encode()


async def listed(request: Request, params: Echo) -> Response:
    return page(request, b"[]", next_max_id=3, prev_min_id=9)


def raising(error: Exception) -> Any:
    async def handler(request: Request, params: None) -> Response:
        raise error

    return handler


def multipart(**fields: str) -> bytes:
    """A multipart body with the boundary `bb`."""
    parts = [
        f'--bb\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    return "".join([*parts, "--bb--\r\n"]).encode()


ERRORS = {
    "missing": NotFound("Record not found"),
    "conflict": Conflict("Somebody was faster"),
    "invalid": Invalid("Validation failed", details={"username": [("ERR_TAKEN", "is taken")]}),
    "limited": TooManyRequests("Too many requests", retry_after=12.4),
    "busy": Overloaded("Busy", cause="secret cause"),
    "oauth": OAuthError("invalid_grant", "The code is used up"),
    "client": OAuthError("invalid_client", "No such client", status=401),
    "fault": RuntimeError("a secret detail"),
}


@pytest.fixture
def app() -> App:
    routes = [
        Route("GET", "/echo", echo, params=Echo),
        Route("POST", "/echo", echo, params=Echo),
        Route("POST", "/small", echo, params=Echo, max_body=20),
        Route("PATCH", "/things/{id}", echo, params=Echo),
        Route("GET", "/list", listed, params=Echo),
        Route("GET", "/none", who),
        Route("GET", "/optional", who, auth=Auth.OPTIONAL, scope="read:statuses"),
        Route("GET", "/app", who, auth=Auth.APP, scope="read"),
        Route("GET", "/user", own, auth=Auth.USER),
        Route("POST", "/statuses", own, auth=Auth.USER, scope="write:statuses"),
        Route("POST", "/follows", own, auth=Auth.USER, scope="write:follows"),
        Route("GET", "/always", own, auth=Auth.NONE, kind=Kind.ALWAYS),
        *(Route("GET", f"/errors/{name}", raising(error)) for name, error in ERRORS.items()),
    ]
    return App(routes, max_body=1000)


async def test_a_query_arrives_as_params(app: App) -> None:
    answer = await app.ask("GET", "/echo?text=caf%C3%A9&flag=on&ids[]=1&ids[]=2&unknown=1")
    assert answer.status == 200
    assert answer.json() == {"id": None, "text": "café", "flag": True, "ids": [1, 2]}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"text": "a", "flag": "1", "ids": ["3"]}'),
        ("application/json; charset=utf-8", b'{"text": "a", "flag": true, "ids": [3]}'),
        ("application/x-www-form-urlencoded", b"text=a&flag=1&ids[]=3"),
        ("", b"text=a&flag=1&ids[]=3"),
        (
            "multipart/form-data; boundary=bb",
            multipart(text="a", flag="1", **{"ids[]": "3"}),
        ),
    ],
)
async def test_a_body_arrives_as_params_whatever_its_kind(app: App, kind: str, body: bytes) -> None:
    answer = await app.ask("POST", "/echo", body=body, kind=kind)
    assert answer.json() == {"id": None, "text": "a", "flag": True, "ids": [3]}


async def test_an_id_of_the_path_is_a_number(app: App) -> None:
    answer = await app.ask("PATCH", "/things/17", body=b'{"id": 5, "text": "a"}')
    assert answer.json()["id"] == 17


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"\xff\xfe", 400),
        ("application/json", b'{"text": "\xff"}', 400),
        ("application/json", b'{"text": "\\ud800"}', 400),
        ("application/json", b'{"text": "\\u0000"}', 400),
        ("application/json", b"[1]", 400),
        ("application/json", b'{"text": 5}', 422),
        ("application/json", b'{"id": 9223372036854775808}', 422),
        ("application/json", b'{"id": 1e999}', 400),
        ("application/json", b"[" * 900, 400),
        ("application/x-www-form-urlencoded", b"text=%ff", 400),
        ("application/x-www-form-urlencoded", b"text=\xff", 400),
        ("application/x-www-form-urlencoded", b"id=x", 422),
        ("multipart/form-data", b"--bb", 400),
        ("multipart/form-data; boundary=bb", b"nonsense", 400),
        ("multipart/form-data; boundary=bb", b'--bb\r\nContent-Disposition: form-data; name="a"\r\n\r\nb', 400),
        ("multipart/form-data; boundary=bb", b"--bb\r\nContent-Disposition: form-data\r\n\r\nb\r\n--bb--\r\n", 400),
        ("text/plain", b"hello", 400),
        ("application/json", b" " * 1001, 413),
    ],
)
async def test_a_bad_body_gets_one_readable_shape(app: App, kind: str, body: bytes, status: int) -> None:
    answer = await app.ask("POST", "/echo", body=body, kind=kind)
    assert answer.status == status
    assert list(answer.json()) == ["error"]
    assert answer.header("content-type") == "application/json; charset=utf-8"


async def test_a_body_of_undeclared_length_is_read_no_further_than_allowed(app: App) -> None:
    chunked = {"transfer-encoding": "chunked"}
    assert (await app.ask("POST", "/echo", body=b'{"text": "a"}', headers=chunked)).json()["text"] == "a"
    answer = await app.ask("POST", "/echo", body=b"x" * 100_000, headers=chunked)
    assert answer.status == 413
    assert answer.read <= 2000


async def test_a_route_may_allow_less(app: App) -> None:
    assert (await app.ask("POST", "/small", body=b'{"text": "12345"}')).status == 200
    assert (await app.ask("POST", "/small", body=b'{"text": "123456789"}')).status == 413


@pytest.mark.parametrize(
    ("path", "token", "status", "body"),
    [
        ("/none", None, 200, None),
        ("/none", "nonsense", 200, None),
        ("/optional", None, 200, None),
        ("/optional", "user", 200, 17),
        ("/optional", "nonsense", 401, {"error": "The access token is invalid"}),
        ("/optional", "follower", 403, {"error": "This action is outside the authorized scopes"}),
        ("/app", None, 401, {"error": "The access token is invalid"}),
        ("/app", "app", 200, None),
        ("/user", "user", 200, 17),
        ("/user", "app", 422, {"error": "This method requires an authenticated user"}),
        ("/user", "x" * 600, 401, {"error": "The access token is invalid"}),
    ],
)
async def test_a_route_serves_whom_it_says(app: App, path: str, token: str | None, status: int, body: Any) -> None:
    answer = await app.ask("GET", path, token=token)
    assert (answer.status, answer.json()) == (status, body)
    assert (answer.header("www-authenticate") is not None) == (status == 401)


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("/statuses", "user", 200), ("/follows", "user", 403), ("/follows", "follower", 200), ("/statuses", "app", 422)],
)
async def test_a_route_asks_for_its_scope(app: App, path: str, token: str, status: int) -> None:
    assert (await app.ask("POST", path, token=token)).status == status


async def test_a_token_may_come_in_the_query_and_only_as_a_bearer(app: App) -> None:
    assert (await app.ask("GET", "/user?access_token=user")).status == 200
    assert (await app.ask("GET", "/user", headers={"authorization": "Basic user"})).status == 401
    assert (await app.ask("GET", "/user", headers={"authorization": "bearer user"})).status == 200


@pytest.mark.parametrize(
    ("name", "status", "body", "headers"),
    [
        ("missing", 404, {"error": "Record not found"}, {}),
        ("conflict", 409, {"error": "Somebody was faster"}, {}),
        (
            "invalid",
            422,
            {
                "error": "Validation failed",
                "details": {"username": [{"error": "ERR_TAKEN", "description": "is taken"}]},
            },
            {},
        ),
        ("limited", 429, {"error": "Too many requests"}, {"retry-after": "12"}),
        ("busy", 503, {"error": "Busy"}, {"retry-after": "5"}),
        ("oauth", 400, {"error": "invalid_grant", "error_description": "The code is used up"}, {}),
        ("client", 401, {"error": "invalid_client", "error_description": "No such client"}, {}),
        ("fault", 500, {"error": "Something went wrong on our side. It has been logged."}, {}),
    ],
)
async def test_errors_leave_in_one_shape_and_tell_no_secrets(
    app: App, name: str, status: int, body: Any, headers: dict[str, str]
) -> None:
    answer = await app.ask("GET", f"/errors/{name}")
    assert (answer.status, answer.json()) == (status, body)
    assert headers.items() <= dict(answer.headers).items()
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("DELETE", "/echo", 405), ("BREW", "/echo", 400)],
)
async def test_unknown_paths_and_methods_are_errors_like_others(app: App, method: str, path: str, status: int) -> None:
    answer = await app.ask(method, path)
    assert answer.status == status
    assert list(answer.json()) == ["error"]
    assert (answer.header("allow") is not None) == (status == 405)


async def test_other_origins_may_ask_and_read(app: App) -> None:
    preflight = await app.ask("OPTIONS", "/things/17")
    assert (preflight.status, preflight.body) == (204, b"")
    assert "Idempotency-Key" in (preflight.header("access-control-allow-headers") or "")
    assert (await app.ask("OPTIONS", "/nope")).status == 204, "without a preflight no page learns that it is a 404"
    for answer in (preflight, await app.ask("GET", "/echo"), await app.ask("GET", "/nope")):
        assert answer.header("access-control-allow-origin") == "*"
        assert "Link" in (answer.header("access-control-expose-headers") or "")
        assert answer.header("x-content-type-options") == "nosniff"


async def test_a_page_links_to_its_neighbours_with_what_was_asked(app: App) -> None:
    answer = await app.ask("GET", "/list?ids[]=5&text=caf%C3%A9&max_id=8&access_token=secret")
    kept = f"{ORIGIN}/list?ids[]=5&text=caf%C3%A9&"
    assert answer.header("link") == f'<{kept}max_id=3>; rel="next", <{kept}min_id=9>; rel="prev"'


async def test_the_change_log_is_read_before_every_handler(app: App) -> None:
    await app.ask("GET", "/none")
    await app.ask("GET", "/nope")
    assert app.begun == 1


async def test_requests_are_counted_by_route_and_status(app: App) -> None:
    await app.ask("GET", "/echo")
    await app.ask("GET", "/echo?id=x")
    await app.ask("GET", "/nope")
    rendered = app.metrics.render([app.metrics.snapshot()]).decode()
    assert 'ripstop_http_requests_total{method="GET",route="/echo",status="2xx"} 1.0' in rendered
    assert 'ripstop_http_requests_total{method="GET",route="/echo",status="4xx"} 1.0' in rendered
    assert 'ripstop_http_requests_total{method="",route="none",status="4xx"} 1.0' in rendered
    assert 'ripstop_http_request_seconds_count{method="GET",route="/echo"} 2.0' in rendered
    assert app.admission.in_flight == 0


async def test_overload_turns_away_anonymous_reads_first(app: App) -> None:
    app.admission.pressure = 1.0
    refused = await app.ask("GET", "/optional")
    assert refused.status == 503
    assert int(refused.header("retry-after") or 0) >= 1
    assert (await app.ask("GET", "/optional", token="user")).status == 200
    assert (await app.ask("POST", "/statuses", token="user")).status == 200
    app.admission.pressure = 4.0
    assert (await app.ask("POST", "/statuses", token="user")).status == 503
    assert (await app.ask("GET", "/always")).status == 500, "it is let through, and fails for want of a user"


def test_simple_answers() -> None:
    assert (empty().body, empty().status) == (b"{}", 200)
    assert dict(text("OK").headers)["content-type"] == "text/plain; charset=utf-8"
