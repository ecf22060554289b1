"""What the machine gives at most: the same bytes from a bare server, the same rows into a bare SQLite.

Both run in the same run as the rows that they stand beside, since a shared machine is not the same tomorrow.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import apsw
import msgspec

from bench.load import Measured, measure
from bench.processes import Trees
from bench.servers import data_folder, free_port, until_healthy
from ripstop.rehearsal.target import Target

TABLES = """
CREATE TABLE objects (id INTEGER PRIMARY KEY, type INTEGER NOT NULL, version INTEGER NOT NULL, data TEXT) STRICT;
CREATE TABLE edges (source INTEGER, type INTEGER, target INTEGER, sequence INTEGER NOT NULL, flags INTEGER NOT NULL,
    data TEXT, PRIMARY KEY (source, type, target)) STRICT, WITHOUT ROWID;
CREATE TABLE lists (source INTEGER, type INTEGER, sequence INTEGER, target INTEGER, flags INTEGER NOT NULL,
    PRIMARY KEY (source, type, sequence, target)) STRICT, WITHOUT ROWID;
CREATE TABLE counts (source INTEGER, type INTEGER, length INTEGER NOT NULL, newest INTEGER NOT NULL,
    PRIMARY KEY (source, type)) STRICT, WITHOUT ROWID;
CREATE TABLE names (name TEXT PRIMARY KEY, holder INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE calls (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, arguments TEXT NOT NULL) STRICT;
"""
"""The least that holds what a post, a like and a sign-up leave behind, with the indexes that reading them takes."""


class RowsWritten(msgspec.Struct, kw_only=True):
    """CPU of SQLite alone for one write of a kind, committed durably in groups of a size."""

    kind: str
    group: int
    cpu_ms: float
    per_second: float


class Ceilings(msgspec.Struct, kw_only=True):
    """Both ceilings of a run."""

    home_bytes: Measured
    rows: list[RowsWritten]


async def measure_ceilings(home_body: bytes, *, seconds: float) -> Ceilings:
    """Serve one real home page from memory, and write the rows of each kind into an empty SQLite."""
    with data_folder() as folder:
        body = folder / "home.json"
        body.write_bytes(home_body)
        served = await _serve_bytes(body, seconds=seconds)
    rows = [
        await asyncio.to_thread(_in_child, kind, group, seconds / 4)
        for kind in ("post", "favourite", "sign-up")
        for group in (1, 16, 64)
    ]
    return Ceilings(home_bytes=served, rows=rows)


async def _serve_bytes(body: Path, *, seconds: float) -> Measured:
    """16 connections against Granian's RSGI, one worker process, that answers every request with the same bytes."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare", str(port), str(body))
    target = Target.from_url(f"http://127.0.0.1:{port}")
    try:
        await until_healthy(target, process)
        request = target.request("GET", "/")
        return await measure(target, Trees([process.pid]), [lambda: request] * 16, seconds=seconds)
    finally:
        process.terminate()
        await process.wait()


def _in_child(kind: str, group: int, seconds: float) -> RowsWritten:
    """In a process of its own, so that its CPU is SQLite's and nothing else's."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool, data_folder() as folder:
        return pool.apply(write_rows, (kind, group, seconds, str(folder / "ceiling.db")))


def write_rows(kind: str, group: int, seconds: float, path: str) -> RowsWritten:
    """Write groups for `seconds`, each durable before the next begins."""
    database = apsw.Connection(path)
    for pragma in ("page_size=4096", "journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(TABLES)
    rng, done = random.Random(1), 0
    write = {"post": _write_post, "favourite": _write_favourite, "sign-up": _write_sign_up}[kind]
    started, cpu = time.monotonic(), sum(os.times()[:2])
    while time.monotonic() - started < seconds:
        database.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            write(database, rng, rng.getrandbits(62))
        database.execute("COMMIT")
        done += group
    used, took = sum(os.times()[:2]) - cpu, time.monotonic() - started
    database.close()
    return RowsWritten(kind=kind, group=group, cpu_ms=round(used / done * 1e3, 4), per_second=round(done / took, 1))


def _write_post(database: apsw.Connection, rng: random.Random, new: int) -> None:
    """The post, its places in the lists of its author and of all, the call that delivers it to 15 homes, and those."""
    author = rng.randrange(10_000)
    _object(database, new, 5, "x" * 400)
    _edge(database, author, 3, new, new)
    _listed(database, 1, 12, new, new)
    database.execute("INSERT INTO calls VALUES (?, 1, ?)", (new, '{"post":"' + str(new) + '"}'))
    database.execute("DELETE FROM calls WHERE id = ?", (new,))
    for home in rng.sample(range(10_000), 15):
        _listed(database, home, 100, new, author)


def _write_favourite(database: apsw.Connection, rng: random.Random, new: int) -> None:
    """The like in both directions with their counts, and the author's notification."""
    post, actor = rng.randrange(10_000), rng.randrange(10_000, 20_000)
    _edge(database, actor, 4, post, new)
    _listed(database, post, 5, new, actor)
    _count(database, post, 5, new)
    database.execute("INSERT INTO calls VALUES (?, 1, ?)", (new, '{"like":"' + str(new) + '"}'))
    database.execute("DELETE FROM calls WHERE id = ?", (new,))
    _edge(database, rng.randrange(10_000), 18, new, new)


def _write_sign_up(database: apsw.Connection, rng: random.Random, new: int) -> None:
    """The account, its credentials, a token, and the names that they are found by."""
    for step, (type_, size) in enumerate(((1, 350), (2, 250), (4, 150))):
        _object(database, new + step, type_, "x" * size)
    for name in (f"acct:/{new}", f"mail/{new}@example.org", f"token/{rng.getrandbits(256):064x}"):
        database.execute("INSERT INTO names VALUES (?, ?)", (name, new))
    _edge(database, new, 19, new + 2, new)


def _object(database: apsw.Connection, new: int, type_: int, data: str) -> None:
    database.execute("INSERT INTO objects VALUES (?, ?, 1, ?)", (new, type_, data))


def _edge(database: apsw.Connection, source: int, type_: int, target: int, sequence: int) -> None:
    """One keyed direction: the row, its place in the list, and the count."""
    database.execute("INSERT OR IGNORE INTO edges VALUES (?, ?, ?, ?, 0, NULL)", (source, type_, target, sequence))
    _listed(database, source, type_, sequence, target)
    _count(database, source, type_, sequence)


def _listed(database: apsw.Connection, source: int, type_: int, sequence: int, target: int) -> None:
    database.execute("INSERT INTO lists VALUES (?, ?, ?, ?, 0)", (source, type_, sequence, target))


def _count(database: apsw.Connection, source: int, type_: int, newest: int) -> None:
    database.execute(
        "INSERT INTO counts VALUES (?, ?, 1, ?) "
        "ON CONFLICT DO UPDATE SET length = length + 1, newest = max(newest, excluded.newest)",
        (source, type_, newest),
    )
