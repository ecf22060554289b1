"""The processes of a real server: they start, die, come back and stop."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import httpx
import psutil
import pytest

from tests.server import PATIENCE, Server, installed, wait_until
from tests.stores import temporary_folder


def health(server: Server) -> httpx.Response:
    return httpx.get(server.url + "/health", timeout=PATIENCE)


def metrics(server: Server) -> str:
    return httpx.get(server.url + "/metrics", timeout=PATIENCE).text


def answers(server: Server) -> bool:
    try:
        return health(server).status_code == 200
    except httpx.TransportError:
        return False


def kill_and_await(server: Server, name: str) -> None:
    """`kill -9` of one child; returns when another has taken its place."""
    before = server.kill(name)
    wait_until(lambda: server.children().get(name, before) != before, f"another {name}")


def test_a_server_is_a_supervisor_with_named_children(own_server: Server) -> None:
    assert set(own_server.children()) >= {"rip-http-0", "rip-http-1", "rip-worker-0"}
    assert "rip-helper" not in own_server.children(), "the helper starts on demand"


def test_what_is_killed_comes_back(own_server: Server) -> None:
    for name in ("rip-http-0", "rip-http-1", "rip-worker-0"):
        kill_and_await(own_server, name)
        wait_until(lambda: answers(own_server), "an answer")
        assert f"{name} died (SIGKILL), and is started again at once" in own_server.log()


def test_all_killed_at_once_start_anew(own_server: Server) -> None:
    own_server.kill_all()
    own_server.start()
    assert answers(own_server)


def test_children_do_not_outlive_their_supervisor(own_server: Server) -> None:
    children = own_server.children()
    own_server.signal(signal.SIGKILL)
    own_server.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()), "the end of the children")
    own_server.start()
    assert answers(own_server), "and the folder is free again"


@pytest.mark.parametrize(
    ("own_server", "number"),
    [("sqlite", signal.SIGTERM), ("sqlite", signal.SIGINT), ("sqlite", signal.SIGHUP), ("postgres", signal.SIGTERM)],
    indirect=["own_server"],
)
def test_it_stops_in_good_order(own_server: Server, number: signal.Signals) -> None:
    children = own_server.children()
    own_server.signal(number)
    assert own_server.wait() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())
    assert "killed" not in own_server.log()
    with pytest.raises(httpx.ConnectError):
        health(own_server)


def test_connections_that_wait_when_a_process_dies_are_served_by_the_next(request: pytest.FixtureRequest) -> None:
    with installed("sqlite", request, RIPSTOP_PROCESSES="1") as server:
        server.start()
        host, port = server.url.removeprefix("http://").split(":")
        pid = server.children()["rip-http-0"]
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, "the process at a standstill")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            os.kill(pid, signal.SIGKILL)
            connection.settimeout(PATIENCE)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_second_server_on_the_folder_is_refused(server: Server) -> None:
    second = server.run("serve")
    assert second.returncode == 1
    assert f"Another server (process {server.pid}) already uses the data folder {server.folder}." in second.stderr
    assert answers(server), "and the first goes on"


def test_a_second_server_on_the_port_is_refused(server: Server) -> None:
    with temporary_folder() as folder:
        second = Server(folder / "data", RIPSTOP_PORT=server.url.rpartition(":")[2])
        refused = second.run("serve")
    assert refused.returncode == 1
    assert "cannot be listened on: another program listens there already." in refused.stderr


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = Server(tmp_path / "file" / "data").run("serve")
    assert refused.returncode == 1
    assert (
        refused.stderr == f"ripstop: The data folder {tmp_path / 'file' / 'data'} cannot be written: Not a directory.\n"
    )


def test_wrong_settings_are_sentences(tmp_path: Path) -> None:
    refused = Server(tmp_path / "data", RIPSTOP_PORT="x", RIPSTOP_LOG_LEVEL="loud").run("serve")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "ripstop: The setting port cannot be 'x': expected int, got str.",
        "ripstop: The setting log.level cannot be 'loud': invalid enum value 'loud'.",
    ]


@pytest.mark.parametrize("command", ["web", "worker"])
def test_parts_of_a_server_need_a_database_that_others_reach(tmp_path: Path, command: str) -> None:
    refused = Server(tmp_path / "data").run(command)
    assert refused.returncode == 1
    assert "needs PostgreSQL" in refused.stderr


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    refused = Server(tmp_path / "data", "postgresql://ripstop:hunter2@127.0.0.1:1/none").run("serve")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("ripstop: ")
    assert "hunter2" not in refused.stderr
    assert "Traceback" not in refused.stderr.splitlines()[-1]


def test_secrets_of_the_folder_are_its_owners_alone(server: Server) -> None:
    for name in ("secret", "run/helper.sock", "run/lock"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((server.folder / "run").stat().st_mode) == 0o700


def test_metrics_add_up_over_processes_and_survive_their_death(own_server: Server) -> None:
    for _ in range(20):
        health(own_server)
    wait_until(lambda: counted(own_server) >= 20, "20 requests counted")
    kill_and_await(own_server, "rip-http-0")
    wait_until(lambda: counted(own_server) >= 20, "20 requests counted again")
    assert 'ripstop_processes{kind="http"}' in metrics(own_server)


def counted(server: Server) -> float:
    """How many requests for /health all processes together have answered."""
    for line in metrics(server).splitlines():
        if line.startswith('ripstop_http_requests_total{method="GET",route="/health",status="2xx"}'):
            return float(line.rpartition(" ")[2])
    return 0.0
