"""`ripstop doctor`: each thing that can be wrong is made so, and said."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ripstop import boot
from ripstop.engines.backups import Last
from ripstop.engines.base import Inspection, Store
from ripstop.engines.batch import Batch, CallDead, CallPut
from ripstop.kernel.configuration import Configuration, Limits
from ripstop.processes.running import ages
from ripstop.surfaces.condition import machine
from ripstop.surfaces.condition import store as stores
from ripstop.surfaces.condition.finding import Finding
from tests.server import Server, installed, wait_until
from tests.stores import ENGINES, Place, session

ME = os.geteuid()
LOCAL = "/dev/root / ext4 rw 0 0\n"

Said = dict[str, list[tuple[str, str]]]


@pytest.fixture(params=ENGINES)
def installation(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Not started; once on each engine."""
    with installed(request.param, request) as server:
        yield server


def ask(server: Server) -> tuple[int, Said]:
    """The exit code, and by topic what was said: state and sentence."""
    result = server.run("doctor", "--json")
    said: Said = {}
    for finding in msgspec.json.decode(result.stdout)["findings"]:
        assert (finding["state"] == "fine") is (finding["remedy"] == ""), finding
        said.setdefault(finding["topic"], []).append((finding["state"], finding["sentence"]))
    return result.returncode, said


def states(findings: Iterator[Finding]) -> list[str]:
    return [finding.state.value for finding in findings]


def test_a_server_that_runs_well_is_found_well(installation: Server, tmp_path: Path) -> None:
    installation.start()
    assert installation.run("backup", str(tmp_path / "copy")).returncode == 0
    code, said = ask(installation)
    del said["disk"]  # how full it is, is not the server's doing
    bad = [topic for topic, findings in said.items() for state, _ in findings if state != "fine"]
    assert (code, bad) == (3, ["url"]), "it listens on the loopback alone"
    assert said.keys() == {
        "data", "url", "port", "files", "processes", "store", "secret", "backup", "clock", "calls",
    }  # fmt: skip


def test_before_the_first_start_nothing_is_made(installation: Server) -> None:
    code, said = ask(installation)
    assert code == 3
    assert said["store"][0][1].endswith("there is no store yet; the first start makes it.")
    assert said["processes"] == [("warning", "No server runs on this data folder.")]
    assert not installation.folder.exists()


def test_in_words_it_says_how_to_mend_it(installation: Server) -> None:
    said = installation.run("doctor").stdout
    assert "   !  processes  No server runs on this data folder.\n                  `ripstop serve`" in said


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    code, said = ask(Server(tmp_path / "data", RIPSTOP_PROT="1"))
    assert (code, said) == (1, {"settings": [("wrong", "There is no setting RIPSTOP_PROT.")]})


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    code, said = ask(Server(tmp_path / "data", "postgresql://nobody@127.0.0.1:1/nothing"))
    assert code == 1
    assert said["store"] == [("wrong", "The database cannot be reached.")]


def test_a_process_that_was_killed_is_named(installation: Server) -> None:
    installation.start()
    old = installation.children()["rip-worker-0"]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: installation.children().get("rip-worker-0", old) != old, "the new start")
    assert {"ripstop", "rip-http-0", "rip-http-1", "rip-worker-0"} <= ages(
        installation.folder, supervisor="ripstop"
    ).keys()
    seen = {"ripstop": 9_000.0, "rip-http-0": 8_990.0, "rip-worker-0": 30.0, "rip-helper": 1.0}
    assert [finding.sentence for finding in machine.processes(seen)] == [
        "rip-worker-0 was started again 30 seconds ago."
    ]


def test_a_secret_that_others_can_read_or_that_is_gone(installation: Server) -> None:
    installation.start()
    installation.stop()
    secret = installation.folder / "secret"
    secret.chmod(0o644)
    code, said = ask(installation)
    assert code == 1
    assert said["secret"][0] == ("wrong", f"Others than its owner can read the secret {secret}.")
    secret.write_bytes(b"short")
    secret.chmod(0o600)
    assert ask(installation)[1]["secret"][0] == ("wrong", f"The secret {secret} is damaged.")
    secret.unlink()
    assert "is gone" in ask(installation)[1]["secret"][0][1]
    assert not secret.exists()


def test_a_port_that_another_program_has() -> None:
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))  # without listening: so nobody else is given the port meanwhile
        port = keeper.getsockname()[1]
        configuration = Configuration(port=port)
        with socket.create_server(("127.0.0.1", port)):
            taken = machine.port(configuration, runs=False)
            assert (taken.state, taken.sentence) == ("wrong", f"Another program listens at 127.0.0.1:{port}.")
            assert machine.port(configuration, runs=True).state == "fine"
        assert machine.port(configuration, runs=False).state == "fine"
        assert machine.port(configuration, runs=True).state == "wrong"
    assert machine.port(Configuration(host="192.0.2.1"), runs=False).state == "wrong"


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        (Configuration(), "warning"),
        (Configuration(host="0.0.0.0"), "wrong"),
        (Configuration(host="0.0.0.0", url="http://localhost:8080"), "wrong"),
        (Configuration(host="0.0.0.0", url="http://social.example"), "warning"),
        (Configuration(url="https://social.example"), "fine"),
        (Configuration(host="::", url="https://social.example"), "fine"),
    ],
)
def test_an_address_that_people_cannot_use(settings: Configuration, state: str) -> None:
    assert states(machine.addresses(settings)) == [state]


@pytest.mark.parametrize(
    ("total", "free", "state"),
    [(100 << 30, 50 << 30, "fine"), (100 << 30, 10 << 30, "warning"), (100 << 30, 4 << 30, "wrong")],
)
def test_a_disk_that_fills_up(tmp_path: Path, total: int, free: int, state: str) -> None:
    assert machine.disk(tmp_path, machine.Disk(total, free)).state == state
    assert machine.disk(tmp_path, machine.disk_of(tmp_path / "not" / "there")).sentence


def test_a_data_folder_of_another_user_or_for_all_to_see(tmp_path: Path) -> None:
    configuration = Configuration(data=str(tmp_path))
    tmp_path.chmod(0o700)
    assert states(machine.data_folder(configuration, user=ME, mounts=LOCAL)) == ["fine"]
    assert states(machine.data_folder(configuration, user=ME + 1, mounts=LOCAL)) == ["wrong", "fine"]
    tmp_path.chmod(0o755)
    assert states(machine.data_folder(configuration, user=ME, mounts=LOCAL)) == ["warning", "fine"]


def test_a_data_folder_on_a_network_file_system(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    mounts = f"{LOCAL}server:/export {tmp_path} nfs4 rw 0 0\n"
    assert states(machine.data_folder(Configuration(data=str(tmp_path)), user=ME, mounts=mounts)) == ["wrong", "fine"]
    assert machine.file_system(Path("/"), machine.mounts())


def test_too_few_open_files() -> None:
    few = Configuration(limits=Limits(connections=resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert machine.open_files(few).state == "warning"
    assert machine.open_files(Configuration(), most=65_536).state == "fine"


def test_a_password_in_a_file_that_all_can_read(tmp_path: Path) -> None:
    path = tmp_path / "ripstop.toml"
    path.touch(0o644)
    configuration = Configuration(database="postgresql://ripstop:word@db/ripstop")
    assert states(machine.settings_file(path, configuration)) == ["wrong"]
    path.chmod(0o640)
    assert states(machine.settings_file(path, configuration)) == []


def test_a_backup_that_is_old_or_was_never_made(tmp_path: Path) -> None:
    configuration = Configuration(data=str(tmp_path))
    assert machine.last_backup(configuration).state == "warning"
    Last(begun_ms=1_000, target="/copies/1").write(tmp_path)
    assert machine.last_backup(configuration, now=3_600.0).state == "fine"
    assert machine.last_backup(configuration, now=5 * 86_400.0).sentence == (
        "The last backup was made 5 days ago, at /copies/1."
    )


@pytest.mark.parametrize(
    ("applied", "state"),
    [(None, "fine"), (6, "fine"), (5, "warning"), (7, "wrong")],
    ids=["none", "same", "old", "new"],
)
def test_migrations_that_are_pending_or_unknown(applied: int | None, state: str) -> None:
    assert stores.versions(Inspection("PostgreSQL 17", applied, 6)).state == state


async def test_what_a_store_has_seen_is_told_without_changing_it(place: Place) -> None:
    if place.engine == "sqlite":
        assert (await place.instance().inspect()).applied is None
    async with place.opened():
        pass
    inspection = await place.instance().inspect()
    assert inspection.applied == inspection.known
    assert inspection.server.startswith(("SQLite 3", "PostgreSQL 1"))


async def found(store: Store) -> dict[str, str]:
    return {finding.topic: finding.state.value async for finding in stores.examine(store)}


async def test_calls_that_wait_for_long_and_calls_that_are_dead(store: Store) -> None:
    assert await found(store) == {"clock": "fine", "calls": "fine"}
    now = await store.now_ms()

    def call(number: int, age: int) -> CallPut:
        return CallPut(number << 22, "mail", "{}", due=now - age * 1_000, deadline=now + 60_000, criticality=2)

    await store.commit([Batch(0, [call(1, -9_000)])])
    assert (await found(store))["calls"] == "fine", "it is due later"
    await store.commit([Batch(0, [call(2, 120)])])
    assert (await found(store))["calls"] == "warning"
    await store.commit([Batch(0, [call(3, 1_200)])])
    assert (await found(store))["calls"] == "wrong"


async def test_calls_that_failed_for_good(store: Store) -> None:
    await store.commit([Batch(0, [CallPut(1 << 22, "mail", "{}")])])
    [call] = (await store.call_lease([2], limit=1, seconds=60)).taken
    await store.commit([Batch(0, [CallDead(call.id, call.token, "no such mailbox")])])
    [finding] = [one async for one in stores.calls(store) if one.state != "fine"]
    assert (finding.state, finding.sentence) == ("warning", "1 calls of mail failed for good.")


async def test_a_database_that_takes_no_writes(postgres_dsn: str, tmp_path: Path) -> None:
    configuration = Server(tmp_path, postgres_dsn).configuration
    async with boot.opened_store(configuration):
        pass
    async with session(postgres_dsn) as connection:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with boot.opened_store(configuration) as store:
        assert (await found(store))["store"] == "wrong"


async def test_a_store_whose_clock_is_ahead(tmp_path: Path) -> None:
    configuration = Configuration(data=str(tmp_path))
    async with boot.opened_store(configuration):
        pass
    note = b"%-10d %-20d\n" % (1, (time.time() + 600) * 1_000)
    await asyncio.to_thread((tmp_path / "write.lock").write_bytes, note)
    async with boot.opened_store(configuration) as store:
        assert (await found(store))["clock"] == "wrong"
