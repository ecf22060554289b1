"""HTTP as a real server speaks it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server import PATIENCE, Server, installed, wait_until


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """One that waits for an answer for as long as the machine needs."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        yield client


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """A bare connection."""
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port), timeout=PATIENCE) as connection:
        yield connection


def received(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def answered(connection: socket.socket) -> bytes:
    """The answer to one request for /health, in however many pieces it comes."""
    answer = b""
    while not answer.endswith(b"\r\n\r\nOK"):
        part = connection.recv(65536)
        assert part, answer
        answer += part
    return answer


def error_of(answer: httpx.Response) -> str:
    """The sentence of an error in the one shape."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert list(body) == ["error"]
    return str(body["error"])


def test_health(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.text) == (200, "OK")
    verbose = client.get("/health?verbose").json()
    assert verbose["status"] == "ok"
    assert verbose["read_only"] is None
    # One that has not run for a while is not counted until it does.
    wait_until(lambda: client.get("/health?verbose").json()["processes"] >= 3, "all processes at work")


def test_a_head_request_has_the_headers_and_no_body(client: httpx.Client) -> None:
    answer = client.head("/health")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "2")


def test_another_origin_may_ask(client: httpx.Client) -> None:
    answer = client.options("/health", headers={"origin": "https://elk.test"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/%ff%fe", 404),
        ("GET", "/api/v1/accounts/9223372036854775808", 404),
        ("POST", "/health", 405),
        ("BREW", "/health", 400),
        ("GET", "/health?verbose=%ff", 400),
    ],
)
def test_bad_requests_get_the_one_shape(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert error_of(answer)


def test_a_connection_is_kept_for_many_requests(server: Server) -> None:
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answered(connection).startswith(b"HTTP/1.1 200 OK\r\n")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(connection).endswith(b"OK")


def test_nonsense_is_refused_and_closed(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_heads_beyond_measure_are_refused(server: Server, client: httpx.Client) -> None:
    with connected(server) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n")
        assert received(connection)[:12] in {b"HTTP/1.1 431", b"HTTP/1.1 400", b""}
    assert client.get("/health").status_code == 200


def test_slow_clients_are_let_go_and_cost_nobody_else(request: pytest.FixtureRequest) -> None:
    with installed("sqlite", request, RIPSTOP_LIMITS_HEAD_SECONDS="0.5", RIPSTOP_PROCESSES="1") as server:
        server.start()
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(connected(server)) for _ in range(50)]
            for connection in slow:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: ")
            wait_until(lambda: is_served(server), "an answer")
            assert all(b"200 OK" not in received(connection) for connection in slow)


def is_served(server: Server) -> bool:
    """Whether a request is answered. Its own connection may be let go as well, where the machine stands still."""
    try:
        return httpx.get(server.url + "/health", timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def test_requests_under_way_finish_when_the_server_stops(own_server: Server) -> None:
    """Many clients ask without a pause while it stops: a connection may be closed between two requests, or refused, but
    an answer that has begun comes to its end.
    """
    address = urlsplit(own_server.url).netloc
    answers: list[tuple[int, bytes]] = []
    broken: list[str] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        try:
            while True:
                connection.request("GET", "/health")
                answer = connection.getresponse()
                try:
                    answers.append((answer.status, answer.read()))
                except (OSError, http.client.HTTPException) as error:
                    broken.append(repr(error))
                    return
        except ConnectionError:
            return  # nothing of an answer had come
        except (OSError, http.client.HTTPException) as error:
            broken.append(repr(error))
        finally:
            connection.close()

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    wait_until(lambda: len(answers) >= 200, "200 answers")
    assert own_server.stop() == 0
    for client in clients:
        client.join()
    assert broken == []
    assert set(answers) == {(200, b"OK")}
