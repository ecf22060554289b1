"""Bad input gets a 4xx in the one shape, and changes nothing."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from tests.api.client import Answer, Api, Person
from tests.server import Server


def assert_refused(answer: Answer, *statuses: int) -> None:
    assert answer.status in statuses, answer.body
    said = answer.json()
    assert isinstance(said["error"], str)
    assert said["error"]
    assert set(said) <= {"error", "error_description", "details"}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"status": "x"', 400),
        ("application/json", b'["status"]', 400),
        ("application/json", b"\xff\xfe", 400),
        ("application/json", b'{"status": "\xff"}', 400),
        ("application/json", b'{"status": "\\ud800"}', 400),
        ("application/json", b'{"status": "a\\u0000b"}', 400),
        ("application/json", b'{"status": {"a": "b"}}', 422),
        ("application/json", b'{"status": null}', 422),
        ("application/json", b"[" * 10_000, 400),
        ("application/x-www-form-urlencoded", b"status=%ff", 400),
        ("application/x-www-form-urlencoded", b"status=a%00b", 400),
        ("application/x-www-form-urlencoded", b"status[][][][][][][]=x", 422),
        ("application/x-www-form-urlencoded", b"status[a][a][a][a][a][a][a]=x", 400),
        ("application/x-www-form-urlencoded", b"status=x&status[a]=y", 400),
        ("application/x-www-form-urlencoded", b"a=b&" * 2_000, 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
        ("multipart/form-data", b"--x", 400),
        ("text/html", b"status=x", 400),
    ],
)
async def test_bodies(api: Api, alice: Person, content_type: str, body: bytes, status: int) -> None:
    headers = {"content-type": content_type}
    answer = await api.post("/api/v1/statuses", as_=alice, data=io.BytesIO(body), headers=headers)
    assert_refused(answer, status)
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses")).ids == []


async def test_a_huge_body_is_refused_before_it_is_sent(server: Server, alice: Person) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /api/v1/statuses HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {alice.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {1 << 40}\r\n\r\n"
    )
    writer.write(head.encode())
    assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("id_", ["0", "-1", "x", "1.5", str(1 << 63), "9" * 100, "%00", "..", "%2e%2e"])
@pytest.mark.parametrize("path", ["/api/v1/statuses/{}", "/api/v1/accounts/{}", "/api/v1/notifications/{}"])
async def test_ids_in_paths(api: Api, alice: Person, path: str, id_: str) -> None:
    assert_refused(await api.get(path.format(id_), as_=alice), 404, 405)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-5", "limit=x", "max_id=x", "max_id=-1", f"max_id={1 << 63}", "min_id=1.5", "since_id[]=1"],
)
@pytest.mark.parametrize("path", ["/api/v1/timelines/home", "/api/v1/notifications", "/api/v1/favourites"])
async def test_cursors(api: Api, alice: Person, path: str, query: str) -> None:
    assert_refused(await api.get(f"{path}?{query}", as_=alice), 422)


@pytest.mark.parametrize("path", ["/api/v1/timelines/home", "/api/v1/notifications", "/api/v1/favourites"])
async def test_the_lowest_and_the_highest_cursor(api: Api, alice: Person, path: str) -> None:
    post = await api.publish(alice, "only one")
    await api.want("POST", f"/api/v1/statuses/{post['id']}/favourite", as_=alice)
    everything = (await api.get(path, as_=alice)).ids
    assert (await api.get(f"{path}?max_id={(1 << 63) - 1}&min_id=0&since_id=0", as_=alice)).ids == everything
    assert (await api.get(f"{path}?max_id=0", as_=alice)).ids == []
    assert (await api.get(f"{path}?limit={10**18}", as_=alice)).ids == everything


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi", "Bearer " + "x" * 5_000, "Bearer ü", "nonsense"],
)
async def test_tokens(api: Api, authorization: str) -> None:
    headers = {"authorization": authorization}
    assert_refused(await api.get("/api/v1/accounts/verify_credentials", headers=headers), 401)


async def test_a_bad_token_is_refused_where_none_is_needed(api: Api, alice: Person) -> None:
    path = f"/api/v1/accounts/{alice.id}"
    assert (await api.get(path)).status == 200
    assert_refused(await api.get(path, token="nonsense"), 401)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/api/v1/statuses", "read write:accounts"),
        ("GET", "/api/v1/timelines/home", "write"),
        ("GET", "/api/v1/notifications", "read:statuses write:accounts"),
        ("GET", "/api/v1/accounts/verify_credentials", "write read:statuses"),
        ("PATCH", "/api/v1/accounts/update_credentials", "read write:accounts"),
    ],
)
async def test_scopes(api: Api, method: str, path: str, scope: str) -> None:
    person = await api.person("s", scopes=scope)
    answer = await api.ask(method, path, as_=person, json={"status": "x"} if method != "GET" else None)
    if "write:accounts" in scope and method == "PATCH":
        assert answer.status == 200
    else:
        assert_refused(answer, 403)


async def test_paths_and_methods(api: Api) -> None:
    assert_refused(await api.get("/api/v1/nothing/here"), 404)
    refused = await api.ask("PUT", "/api/v1/instance")
    assert_refused(refused, 405)
    assert "GET" in refused.headers["allow"]
    preflight = await api.ask("OPTIONS", "/api/v1/statuses")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt; {{ 7*7 }}"])
async def test_what_people_write_is_never_markup(api: Api, alice: Person, text: str) -> None:
    form = {"display_name": text[:30], "note": text, "fields_attributes[0][name]": text}
    own = await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    post = await api.publish(alice, text, spoiler_text=text)
    for html in (own["note"], post["content"]):
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html
    page = (await api.get("/")).body.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert json.dumps(post)
