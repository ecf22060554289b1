"""Backups of everything that an installation keeps: the store and the pictures, in one folder that can be verified.

    copy/SHA256SUMS      the sum of every other file, as `sha256sum --check` reads it
    copy/about.json      what was copied, by which version, and when
    copy/store/          what the engine wrote (`Store.backup`)
    copy/media/          the blobs (`ripstop.engines.blobs`)

The store is copied first. A picture is written before anything shows it, so all that the copied store shows is copied
after it, but for what is removed in between; whoever removed it wanted it to be gone.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ripstop.engines.base import Store
from ripstop.engines.blobs import blobs_in
from ripstop.kernel.errors import RipstopError

FORMAT = 1
_SUMS, _ABOUT, _STORE, _MEDIA = "SHA256SUMS", "about.json", "store", "media"
_BARE = ("main.db", "manifest.json")
"""What lies on the top of a copy of a store alone."""
_CHUNK = 1 << 20
_SPARE = 64 << 20
"""Bytes that must stay free on the disk that is written to."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of. `begun_ms` is the instant from before which everything is in it."""

    version: str
    engine: str
    begun_ms: int
    format: int = FORMAT


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """A note of the last backup of an installation; it lies in the data folder."""

    begun_ms: int
    target: str

    @staticmethod
    def read(data: Path) -> "Last | None":
        """The note, or None: there is none that can be read."""
        try:
            return msgspec.json.decode((data / "last-backup").read_bytes(), type=Last)
        except (OSError, msgspec.MsgspecError):
            return None

    def write(self, data: Path) -> None:
        """Leave the note, in place of the one before."""
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = data / "last-backup.part"
        part.write_bytes(msgspec.json.encode(self))
        part.replace(data / "last-backup")


async def backup(store: Store, media: Path, target: Path, about: About) -> None:
    """Write a consistent copy of an open store, which may be in use, and of its pictures.

    :param media: the folder of the blobs.
    :param target: the folder to write; it appears when it is whole, and is not written over.
    :raises RipstopError: there is no room, or `target` exists or cannot be written.
    """
    partial = new_folder(target)
    try:
        await store.backup(partial / _STORE)
        await asyncio.to_thread(_finish, media, partial, target, about)
    except OSError as error:
        raise RipstopError(f"The backup cannot be written: {error.strerror}.", cause=error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def new_folder(target: Path) -> Path:
    """The folder that becomes `target` once it is whole.

    :raises RipstopError: `target` is there already, or nothing can be written there.
    """
    partial = target.with_name(target.name + ".part")
    if target.exists():
        raise RipstopError(f"The folder {target} is there already, and is not written over.")
    try:
        partial.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise RipstopError(f"The backup cannot be written to {partial}: {error.strerror}.", cause=error) from error
    return partial


def _finish(media: Path, partial: Path, target: Path, about: About) -> None:
    """Add pictures, description and sums to what the engine wrote, and give the folder its name."""
    (partial / _ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)) + b"\n")
    files = [_ABOUT, *(f"{_STORE}/{path.name}" for path in sorted((partial / _STORE).iterdir()))]
    sums = [(_sum(partial / name), name) for name in files]
    blobs = list(blobs_in(media))
    _demand_room(partial, sum(_size(media / blob) for blob in blobs))
    for blob in blobs:
        digest = _copy(media / blob, partial / _MEDIA / blob)
        if digest is not None:
            sums.append((digest, f"{_MEDIA}/{blob}"))
    (partial / _SUMS).write_text("".join(f"{digest}  {name}\n" for digest, name in sums), encoding="utf-8")
    os.sync()  # once for all of the files, of which there may be millions
    partial.rename(target)
    os.sync()


async def verify(source: Path) -> About:
    """See that a backup is whole, file by file; what it is of.

    :raises RipstopError: it is not.
    """
    return await asyncio.to_thread(_verify, source)


def _verify(source: Path) -> About:
    try:
        about = msgspec.json.decode((source / _ABOUT).read_bytes(), type=About)
        lines = (source / _SUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        if any((source / name).exists() for name in _BARE):
            sentence = f"{source} is of a Ripstop before backups held pictures: restore it with that one."
            raise RipstopError(sentence, cause=error) from error
        raise RipstopError(f"{source} is no whole backup: {error.filename}: {error.strerror}.", cause=error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RipstopError(f"The backup is damaged: {source / _ABOUT} or {_SUMS} cannot be read.") from error
    if about.format > FORMAT:
        raise RipstopError("The backup was made by a newer Ripstop; restore it with that one.")
    wrong = list(_wrong(source, lines))
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise RipstopError(f"The backup is damaged: {wrong[0]}{more}. Nothing was restored.")
    return about


def _wrong(source: Path, lines: list[str]) -> Iterator[str]:
    """What of a backup is missing, changed, or not in its list."""
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()} - {_SUMS}
    for name in sorted(found - listed.keys()):
        yield f"{name} is not in its list"
    for name, digest in listed.items():
        if name not in found:
            yield f"{name} is missing"
        elif _sum(source / name) != digest:
            yield f"{name} is not what was copied"


async def restore(store: Store, media: Path, source: Path) -> None:
    """Fill a store that is new and not open, and the folder of its pictures, from a verified backup.

    Pictures come first, so that a restore which was cut off can simply be run again.

    :raises RipstopError: the store is not new, or something cannot be written.
    """
    try:
        await asyncio.to_thread(_restore_media, source / _MEDIA, media)
    except OSError as error:
        raise RipstopError(f"The pictures cannot be written to {media}: {error.strerror}.", cause=error) from error
    await store.restore(source / _STORE)


def _restore_media(source: Path, media: Path) -> None:
    blobs = list(blobs_in(source))
    if not blobs:
        return
    media.mkdir(mode=0o700, parents=True, exist_ok=True)
    _demand_room(media, sum(_size(source / blob) for blob in blobs))
    for blob in blobs:
        part = (media / blob).with_name(f".{blob.name}")
        _copy(source / blob, part)
        part.replace(media / blob)
    os.sync()


def _demand_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARE > free:
        raise RipstopError(f"The pictures need {needed >> 20} MB, and {free >> 20} MB are free at {folder}.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _copy(source: Path, target: Path) -> str | None:
    """Copy a file and make the folder that it goes to; its sum, or None: it is not there any more."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        reading = source.open("rb")
    except FileNotFoundError:
        return None
    digest = hashlib.sha256()
    with reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
    return digest.hexdigest()


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
