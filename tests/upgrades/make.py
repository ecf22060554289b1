"""`python -m tests.upgrades.make`: let the older version write a store on each engine, and keep what it leaves.

For each engine an archive in `data/`: the data folder as it is when all processes are killed, what was acknowledged
(`told.json`), and of PostgreSQL a dump of the database and a copy that the older `ripstop backup` wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.postgres import programs_of_wheel, running_postgres
from tests.upgrades.older import WRITTEN_BY, OlderServer, unpack_older
from tests.upgrades.town import Town

DATA = Path(__file__).parent / "data"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ripstop-older-") as temporary:
        folder = Path(temporary)
        source = unpack_older(WRITTEN_BY, folder / "older")
        if source is None:
            sys.exit("The history of the older version is not here.")
        make_sqlite(source, folder / "sqlite")
        make_postgres(source, folder / "postgres")


def make_sqlite(source: Path, folder: Path) -> None:
    (folder / "data").mkdir(parents=True, mode=0o700)
    _live(OlderServer(source, folder / "data"), folder)
    _keep(folder, DATA / "sqlite.tar.xz")


def make_postgres(source: Path, folder: Path) -> None:
    (folder / "data").mkdir(parents=True, mode=0o700)
    with _database() as dsn:
        server = OlderServer(source, folder / "data", dsn)
        _live(server, folder)
        subprocess.run(
            [sys.executable, "-m", "ripstop", "backup", str(folder / "backup")], env=server.environment, check=True
        )
        (folder / "database.sql").write_text(dump(dsn), encoding="utf-8")
    _keep(folder, DATA / "postgres.tar.xz")


def _live(server: OlderServer, folder: Path) -> None:
    server.start()
    try:
        with contextlib.closing(Town(server.url)) as town:
            told = town.live(server)
    except AssertionError as error:
        sys.exit(f"{error}\n{server.log()[-3000:]}")
    finally:
        server.kill_all()
    (folder / "told.json").write_bytes(msgspec.json.format(msgspec.json.encode(told)))
    shutil.rmtree(folder / "data" / "run", ignore_errors=True)


@contextlib.contextmanager
def _database() -> Iterator[str]:
    with running_postgres() as server, asyncio.Runner() as runner:
        database = server.fresh_database()
        yield runner.run(database.__aenter__())
        runner.run(database.__aexit__(None, None, None))


def dump(dsn: str) -> str:
    """The database as SQL that any server and client takes: without settings of later servers, and commands of psql."""
    parts = urlsplit(dsn)
    where = ["--host", parse_qs(parts.query)["host"][0], "--username", parts.username or "", "--dbname", parts.path[1:]]
    program = str(programs_of_wheel() / "pg_dump")
    arguments = [program, *where, "--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges"]
    text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    kept = ("SET check_function_bodies",)
    lines = [line for line in text.splitlines() if not line.startswith(("SET ", "\\", "--")) or line.startswith(kept)]
    return "\n".join(line for line in lines if line) + "\n"


def _keep(folder: Path, archive: Path) -> None:
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz") as files:
        for path in sorted(folder.iterdir()):
            if path.suffix != ".log":
                files.add(path, path.name)
    sys.stdout.write(f"{archive.name}: {archive.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
