"""HTTP as a real server speaks it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.server import Server, installed


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """A bare connection."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        yield connection


def received(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def error_of(answer: httpx.Response) -> str:
    """The sentence of an error in the one shape."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert list(body) == ["error"]
    return str(body["error"])


def test_health(server: Server) -> None:
    answer = httpx.get(server.url + "/health")
    assert (answer.status_code, answer.text) == (200, "OK")
    verbose = httpx.get(server.url + "/health?verbose").json()
    assert verbose["status"] == "ok"
    assert verbose["read_only"] is None
    assert verbose["processes"] >= 3


def test_a_head_request_has_the_headers_and_no_body(server: Server) -> None:
    answer = httpx.head(server.url + "/health")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "2")


def test_another_origin_may_ask(server: Server) -> None:
    answer = httpx.options(server.url + "/health", headers={"origin": "https://elk.test"})
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
def test_bad_requests_get_the_one_shape(server: Server, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, server.url + path)
    assert answer.status_code == status
    assert error_of(answer)


def test_a_connection_is_kept_for_many_requests(server: Server) -> None:
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(connection).endswith(b"OK")


def test_nonsense_is_refused_and_closed(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_heads_beyond_measure_are_refused(server: Server) -> None:
    with connected(server) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n")
        assert received(connection)[:12] in {b"HTTP/1.1 431", b"HTTP/1.1 400", b""}
    assert httpx.get(server.url + "/health").status_code == 200


def test_slow_clients_are_let_go_and_cost_nobody_else(request: pytest.FixtureRequest) -> None:
    with installed("sqlite", request, RIPSTOP_LIMITS_HEAD_SECONDS="0.5", RIPSTOP_PROCESSES="1") as server:
        server.start()
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(connected(server)) for _ in range(50)]
            for connection in slow:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: ")
            assert httpx.get(server.url + "/health").status_code == 200
            assert all(b"200 OK" not in received(connection) for connection in slow)


def test_requests_under_way_finish_when_the_server_stops(own_server: Server) -> None:
    """Many clients ask without a pause while it stops: each request sent gets an answer or a refused connection."""
    broken: list[str] = []
    answered = [0]
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client() as client:
            while not stop.is_set():
                try:
                    assert client.get(own_server.url + "/health").status_code == 200
                    answered[0] += 1
                except (httpx.ConnectError, httpx.RemoteProtocolError) as error:
                    # A kept connection may be closed between two requests; half an answer may not come.
                    if "peer closed connection" in str(error):
                        broken.append(str(error))
                    return
                except httpx.TransportError as error:
                    broken.append(repr(error))
                    return

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    while answered[0] < 200:
        assert any(client.is_alive() for client in clients)
    assert own_server.stop() == 0
    stop.set()
    for client in clients:
        client.join()
    assert broken == []
