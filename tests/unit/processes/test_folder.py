"""One server for one folder, on one port."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import closing
from pathlib import Path

import pytest

from ripstop.processes.folder import FolderLock, FolderUnusable
from ripstop.processes.listener import CannotListen, Port, listen_at, short_path


def test_a_folder_is_made_for_its_owner_and_held_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with FolderLock(folder):
        assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o700
        with pytest.raises(FolderUnusable, match=f"Another server .process {os.getpid()}. already uses"):
            FolderLock(folder).take()
    with FolderLock(folder):
        pass


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match="cannot be written: Not a directory"):
        FolderLock(tmp_path / "file").take()


def test_children_hold_the_folder_until_the_last_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderLock, "WAIT", 0.1)
    ready, go = os.pipe(), os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        FolderLock(tmp_path).take()
        if os.fork() == 0:
            os.write(ready[1], b"1")
            os.read(go[0], 1)
        os._exit(0)
    os.waitpid(supervisor, 0)
    os.read(ready[0], 1)
    with pytest.raises(FolderUnusable, match="Another server"):
        FolderLock(tmp_path).take()
    monkeypatch.setattr(FolderLock, "WAIT", 30.0)
    os.write(go[1], b"1")
    with FolderLock(tmp_path):
        pass


def test_a_port_has_many_sockets_and_one_server() -> None:
    with closing(Port("127.0.0.1", 0)) as port:
        with port.listen() as one, port.listen() as other:
            assert one.getsockname() == other.getsockname() == ("127.0.0.1", port.number)
            with pytest.raises(CannotListen, match="another program listens there already"):
                Port("127.0.0.1", port.number)
        with closing(Port("127.0.0.1", port.number)) as again:  # a server whose processes are not yet all gone
            assert again.number == port.number


def test_a_port_is_given_to_nobody_else_before_anybody_listens() -> None:
    with (
        closing(Port("127.0.0.1", 0)) as port,
        socket.socket() as another,
        pytest.raises(OSError, match="already in use"),
    ):
        another.bind(("127.0.0.1", port.number))


def test_an_address_that_is_not_ours_is_a_sentence() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1 port 80 cannot be listened on: "):
        Port("192.0.2.1", 80)


def test_a_unix_socket_may_lie_as_deep_as_it_likes_and_replaces_an_old_one(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    listen_at(deep / "a.sock").close()
    with listen_at(deep / "a.sock"), socket.socket(socket.AF_UNIX) as client, short_path(deep / "a.sock") as path:
        assert stat.S_IMODE((deep / "a.sock").stat().st_mode) == 0o600
        client.connect(path)
