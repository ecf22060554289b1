"""Rubbish of every sort, at every endpoint: a clear 4xx, nothing changed, and the server as well as before."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import aiohttp
import pytest

from ripstop.boot import opened_store
from tests.api.client import Answer, Api, Person
from tests.api.everything import sent
from tests.api.staff import of_staff
from tests.api.test_bad_input import assert_refused
from tests.server import Server, installed
from tests.stores import ENGINES

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PART = b'--x\r\nContent-Disposition: form-data; name="status"\r\n\r\n'

UNREADABLE: dict[str, tuple[str, bytes]] = {
    "JSON that ends early": (JSON, b'{"status": "x"'),
    "JSON with more behind it": (JSON, b'{"status": "x"} {}'),
    "JSON in UTF-16": (JSON, '{"status": "x"}'.encode("utf-16")),
    "JSON in Latin-1": (JSON + "; charset=latin-1", '{"status": "é"}'.encode("latin-1")),
    "a lone surrogate": (JSON, b'{"status": "\\ud83d"}'),
    "two surrogates the wrong way round": (JSON, b'{"status": "\\udc00\\ud83d"}'),
    "a NUL in a text": (JSON, b'{"status": "\\u0000"}'),
    "a bare NUL": (JSON, b'{"status": "\x00"}'),
    "no object": (JSON, b"17"),
    "nothing but null": (JSON, b"null"),
    "not a number": (JSON, b'{"status": NaN}'),
    "brackets without end": (JSON, b"[" * 200_000),
    "deep objects": (JSON, b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "what claims to be JSON": (JSON, b"status=x"),
    "compressed JSON": (JSON, gzip.compress(b'{"status": "x"}')),
    "bytes of no encoding": (FORM, b"status=%ff%fe"),
    "an overlong encoding": (FORM, b"status=%c0%80"),
    "an encoded surrogate": (FORM, b"status=%ed%a0%80"),
    "raw bytes in a form": (FORM, b"status=\xff"),
    "a NUL in a form": (FORM, b"status=%00"),
    "too many pairs": (FORM, b"a=b&" * 20_000),
    "names that nest too deep": (FORM, b"a[b][c][d][e][f][g][h]=x"),
    "names that do not close": (FORM, b"a[b=x"),
    "names that contradict each other": (FORM, b"a=1&a[b]=2&a[]=3"),
    "a boundary that is not there": ("multipart/form-data", PART + b"x\r\n--x--\r\n"),
    "an empty boundary": ("multipart/form-data; boundary=", PART + b"x\r\n--x--\r\n"),
    "a boundary of a kilobyte": (f"multipart/form-data; boundary={'y' * 1_000}", PART + b"x\r\n--x--\r\n"),
    "another boundary": ("multipart/form-data; boundary=y", PART + b"x\r\n--x--\r\n"),
    "a multipart form that ends early": ("multipart/form-data; boundary=x", PART + b"x"),
    "a part without a name": ("multipart/form-data; boundary=x", b"--x\r\n\r\nx\r\n--x--\r\n"),
    "a part with a broken head": ("multipart/form-data; boundary=x", b"--x\r\nnonsense\r\n\r\nx\r\n--x--\r\n"),
    "a head with raw bytes": ("multipart/form-data; boundary=x", b"--x\r\n\xff\xfe: y\r\n\r\nx\r\n--x--\r\n"),
    "a part that is not UTF-8": ("multipart/form-data; boundary=x", PART + b"\xff\r\n--x--\r\n"),
    "a NUL in a part": ("multipart/form-data; boundary=x", PART + b"\x00\r\n--x--\r\n"),
    "too many parts": ("multipart/form-data; boundary=x", (PART + b"x\r\n") * 2_000 + b"--x--\r\n"),
    "a type that nobody knows": ("application/x-nonsense", b"status=x"),
    "XML": ("application/xml", b"<status>x</status>"),
    "a type without sense": ("////;;;", b"status=x"),
}
"""What cannot be read, so that every endpoint that takes a body refuses it."""

ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    1e308,
    0.5,
    "",
    " ",
    "x",
    "9" * 400,
    "\u202e\u200b\ufeff",
    "😀" * 200,
    "a" * 100_000,
    "-1",
    "0x10",
    "null",
    "../../etc/passwd",
    "'; DROP TABLE objects; --",
    "{{7*7}}${7*7}",
    [],
    [[]],
    [None],
    ["x"] * 200,
    [{"a": [{"b": [{}]}]}],
    {},
    {"": ""},
    {"0": {"id": "x"}},
    {"id": 2**70},
]
"""Values that hardly any parameter means."""

ODD_QUERIES = [
    "",
    "x",
    "-1",
    "1.5",
    "1e999",
    "NaN",
    str(2**63),
    "9" * 400,
    "%00",
    "%ff",
    "%ed%a0%80",
    "%F0%9F%98%80" * 50,
    "a" * 20_000,
    "1&{name}=2&{name}[]=3",
    "1&{name}[a]=2",
    "&{name}[]=&{name}[]=x",
    "&{name}[][][]=1",
    "&{name}[a][b][c][d][e][f]=1",
]


class Operation(NamedTuple):
    """An endpoint, as the description has it."""

    method: str
    path: str
    fields: list[str]
    queries: list[str]


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        if "/streaming" in path:
            continue
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            bodies = content.get(JSON) or content.get("multipart/form-data") or {"schema": {"properties": {}}}
            queries = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            yield Operation(method.upper(), path, list(bodies["schema"]["properties"]), queries)


class Town:
    """A server, what it describes, and somebody whose things are to stay as they are."""

    def __init__(self, api: Api, server: Server, operations: list[Operation], alice: Person) -> None:
        self.api = api
        self.alice = alice
        self.operations = operations
        self._configuration = server.configuration

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        return await self.api.ask(method, path, as_=self.alice, **options)

    async def settled(self) -> int:
        """How far the store's log of changes has come, once nothing is left to be done."""
        await self.api.drained()
        await self.api.hashed()
        async with opened_store(self._configuration) as store:
            return (await store.changes(-1)).cursor

    async def check_unchanged(self, since: int) -> None:
        """Pass if no object and no association was written since."""
        async with opened_store(self._configuration) as store:
            changes = await store.changes(since)
        assert (list(changes.ids), list(changes.lists), changes.lost) == ([], [], False)


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One that has nothing to do for anybody else: what others began may be due while it is looked for changes."""
    with installed(request.param, request) as server:
        server.start()
        yield server


@pytest.fixture
async def town(api: Api, server: Server) -> AsyncIterator[Town]:
    alice = await of_staff(server, api, "alice", "owner")
    document = await api.want("GET", "/openapi.json")
    yield Town(api, server, list(operations_of(document)), alice)
    assert (await api.get("/health")).body == b"OK"


async def test_what_cannot_be_read_is_refused_everywhere(town: Town) -> None:
    before = await town.settled()
    asked = 0
    for operation in town.operations:
        path = operation.path.replace("{id}", "1")
        for kind, body in UNREADABLE.values() if operation.fields else ():
            answer = await town.ask(operation.method, path, data=body, headers={"content-type": kind})
            assert_refused(answer, 400, 404, 413, 422)
            asked += 1
    assert asked > 1_000
    await town.check_unchanged(before)


async def test_no_value_of_a_parameter_breaks_anything(town: Town) -> None:
    mallory = await town.api.person("mallory")
    asked = 0
    for operation in town.operations:
        path = operation.path.replace("{id}", town.alice.id)
        for field in operation.fields:
            for value in ODD:
                data = json.dumps({field: value}, ensure_ascii=False).encode()
                answer = await town.api.ask(
                    operation.method, path, as_=mallory, data=data, headers={"content-type": JSON}
                )
                assert answer.status < 500, f"{operation.method} {path} {data[:200]!r}: {answer.body!r}"
                asked += 1
    assert asked > 1_000


async def test_no_query_breaks_anything(town: Town) -> None:
    asked = 0
    for operation in town.operations:
        path = operation.path.replace("{id}", town.alice.id)
        for query in operation.queries:
            name = query.removesuffix("[]")
            for value in ODD_QUERIES:
                spelled = f"{path}?{name}={value.format(name=name) if '{name}' in value else value}"
                answer = await town.ask(operation.method, spelled)
                assert answer.status < 500, f"{operation.method} {spelled[:200]}: {answer.body!r}"
                asked += 1
    assert asked > 500


FORMS = ["/auth/sign_in", "/auth/sign_up", "/auth/sign_out", "/auth/edit", "/oauth/authorize", "/auth/sessions/1/end"]
PAGES = [
    "/",
    "/@nobody",
    "/@nobody/1",
    "/tags/nothing",
    "/auth/sign_in",
    "/auth/sign_up",
    "/oauth/authorize",
    "/auth/edit",
]
FIELDS = [
    "login",
    "password",
    "return_to",
    "proof",
    "username",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "max_id",
]


async def test_no_page_breaks_either(town: Town) -> None:
    before = await town.settled()
    for path in FORMS:
        for what, (kind, body) in UNREADABLE.items():
            answer = await town.api.post(path, data=body, headers={"content-type": kind})
            assert 400 <= answer.status < 500, f"{path}: {what}: {answer.status}"
        for field in FIELDS:
            for value in ODD:
                data = json.dumps({field: value}).encode()
                answer = await town.api.post(path, data=data, headers={"content-type": JSON})
                assert answer.status < 500, f"{path} {data[:200]!r}: {answer.body!r}"
    for path in PAGES:
        for field in FIELDS:
            for value in ODD_QUERIES:
                spelled = f"{path}?{field}={value.format(name=field) if '{name}' in value else value}"
                answer = await town.api.get(spelled)
                assert answer.status < 500, f"{spelled[:200]}: {answer.body!r}"
    await town.check_unchanged(before)


NO_IDS = ["0", "-1", "x", "1.5", str(2**63), "9" * 300, "%00", "%ff", "+1", "%20"]


async def test_what_is_no_id_is_not_found_anywhere(town: Town) -> None:
    before = await town.settled()
    asked = 0
    for operation in town.operations:
        for id_ in NO_IDS if operation.path.count("{id}") == 1 else ():
            assert_refused(await town.ask(operation.method, operation.path.replace("{id}", id_)), 400, 404, 405)
            asked += 1
    assert asked > 400
    await town.check_unchanged(before)


HEADS = {
    "a flood of headers": b"".join(b"X-%d: y\r\n" % number for number in range(500)),
    "a header of 100 kB": b"X-Long: " + b"y" * 100_000 + b"\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 5\r\n",
    "a length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "a length that is none": b"Content-Length: -1\r\n",
    "a length beyond all": b"Content-Length: 99999999999999999999999\r\n",
    "chunks that are none": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an encoding that nobody knows": b"Transfer-Encoding: rot13\r\nContent-Length: 3\r\n\r\nabc",
    "raw bytes": b"X-Raw: \xff\xfe\r\nAuthorization: Bearer \xff\r\n",
    "a NUL": b"X-Null: a\x00b\r\n",
    "a header that goes on": b"X-Folded: a\r\n b\r\n",
    "no colon": b"nonsense\r\n",
    "a token of 60 kB": b"Authorization: Bearer " + b"y" * 60_000 + b"\r\n",
    "an unexpected upgrade": b"Connection: Upgrade\r\nUpgrade: nonsense\r\n",
    "odd forwarding": b"X-Forwarded-For: " + b"1.2.3.4, " * 1_000 + b"\r\n",
}


async def test_odd_heads_are_answered_or_closed(server: Server, town: Town) -> None:
    before = await town.settled()
    for what, head in HEADS.items():
        for line in (b"GET /api/v2/instance HTTP/1.1", b"POST /api/v1/statuses HTTP/1.1"):
            answer = await sent(server, line + b"\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n")
            assert answer == b"" or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), f"{what}: {answer!r}"
    await town.check_unchanged(before)


LINES = [
    b"GET /api/v1/accounts/%ff HTTP/1.1",
    b"GET /api/v1/accounts/\xff HTTP/1.1",
    b"GET /api/v1/timelines/public?\xff=\xfe HTTP/1.1",
    b"GET http://elsewhere.test/api/v2/instance HTTP/1.1",
    b"GET //api/v2/instance HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET /" + b"a/" * 5_000 + b" HTTP/1.1",
    b"GET /api/v2/instance HTTP/9.9",
    b"CONNECT elsewhere.test:443 HTTP/1.1",
    b"TRACE / HTTP/1.1",
    b"G\xffT / HTTP/1.1",
    b"PRI * HTTP/2.0",
]


async def test_odd_lines_are_answered_or_closed(server: Server, api: Api) -> None:
    for line in LINES:
        answer = await sent(server, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer == b"" or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.0 4")), (line, answer)
        assert (await api.get("/health")).body == b"OK"


@pytest.mark.parametrize("how", ["declared", "in chunks"])
@pytest.mark.parametrize("kind", [JSON, FORM, "multipart/form-data; boundary=x"])
async def test_ten_megabytes_are_too_many(town: Town, how: str, kind: str) -> None:
    before = await town.settled()
    body = b"x" * (10 << 20)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    for method, path in (("POST", "/api/v1/statuses"), ("POST", "/api/v2/filters"), ("POST", "/oauth/token")):
        data: Any = io.BytesIO(body) if how == "declared" else chunks()
        try:
            answer = await town.ask(method, path, data=data, headers={"content-type": kind})
        except aiohttp.ClientError:
            continue  # it was answered and closed while we were sending still
        assert_refused(answer, 413)
    await town.check_unchanged(before)


async def test_of_keys_that_come_twice_the_later_counts(api: Api, alice: Person) -> None:
    twice = b'{"status": "first", "status": "second"}'
    post = await api.want("POST", "/api/v1/statuses", as_=alice, data=twice, headers={"content-type": JSON})
    assert post["content"] == "<p>second</p>"
