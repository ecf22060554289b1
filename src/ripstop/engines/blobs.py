"""Where pictures rest: named bytes that are written once and never change.

NOTE: A blob is no part of a batch. Whoever writes one has committed before that it may come (`media.sweep` then finds
it), and commits what shows it after; whoever removes one has committed before that nothing shows it any more.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ripstop.kernel.files import sync

NAME = re.compile(r"[0-9a-f]{32}-[a-z]+\.[a-z]+")
"""Names begin with a digest, so that they spread over folders, and cannot lead anywhere else."""


class BlobStore(Protocol):
    """Bytes by name. A name matches `NAME`, is used by one at a time, and never again for anything else."""

    async def put(self, name: str, data: bytes) -> None:
        """Keep a blob; durable on return. Doing it again does no harm.

        :raises OSError: it could not be kept.
        """
        ...

    async def get(self, name: str) -> bytes | None:
        """The blob, or None: there is none of this name."""
        ...

    async def has(self, name: str) -> bool:
        """Whether there is a blob of this name."""
        ...

    async def delete(self, name: str) -> None:
        """Remove a blob, if it is there."""
        ...


class FolderBlobs:
    """Blobs as files of a folder, which several machines may share: files appear whole, and need no locks.

    :param folder: made when the first blob is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, data: bytes) -> None:
        await asyncio.to_thread(self._put, self._path(name), data)

    async def get(self, name: str) -> bytes | None:
        return await asyncio.to_thread(_read, self._path(name))

    async def has(self, name: str) -> bool:
        return await asyncio.to_thread(self._path(name).is_file)

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(_remove, self._path(name))

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            msg = f"{name!r} is no name of a blob"
            raise ValueError(msg)
        return self._folder / name[:2] / name

    def _put(self, path: Path, data: bytes) -> None:
        """Write beside the place and move there, so that nobody ever sees a part; and have the disk keep it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _unfinished(path).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _unfinished(path).replace(path)
        # Another thread may have made the folders just now, and not have come so far.
        for folder in (path.parent, self._folder, self._folder.parent):
            sync(folder)


def blobs_in(folder: Path) -> Iterator[Path]:
    """Where the blobs of a folder are, relative to it; those that come meanwhile may be among them or not."""
    for path in sorted(folder.glob("??/*")):
        if NAME.fullmatch(path.name):
            yield path.relative_to(folder)


def _unfinished(path: Path) -> Path:
    """Where a blob is while it is written; what a crash leaves there goes with the blob."""
    return path.with_name(f".{path.name}")


def _remove(path: Path) -> None:
    for one in (path, _unfinished(path)):
        one.unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
