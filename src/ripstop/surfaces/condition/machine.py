"""What there is to see without opening the store: files, disk, addresses, limits, processes."""

import errno
import ipaddress
import os
import pwd
import resource
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from ripstop.engines.backups import Last
from ripstop.kernel.configuration import Configuration
from ripstop.surfaces.condition.finding import Finding, duration, fine, warning, wrong

SUPERVISOR = "ripstop"
"""The name of the supervisor among the processes of a server."""

NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs"})

LOW_SHARE, FULL_SHARE, FULL_BYTES = 0.15, 0.05, 64 << 20
"""Of a disk: the free share from which on it is time to make room, and what is too little to write at all."""

BACKUP_DAYS = 2
SPARE_FILES = 512
"""Open files of a process beside its connections."""

RESTARTED_SECONDS = 3_600.0
"""For how long a process that was started again is worth a word."""
START_SECONDS = 60.0
ON_DEMAND = frozenset({"rip-helper", "rip-darkroom"})
"""Processes that come and go with the work."""


class Disk(NamedTuple):
    """Bytes of a disk."""

    total: int
    free: int


def data_folder(configuration: Configuration, *, user: int, mounts: str) -> Iterator[Finding]:
    """The folder and whose it is.

    :param user: the id of who asks.
    :param mounts: the content of /proc/mounts.
    """
    folder = configuration.data_folder
    if not folder.is_dir():
        yield fine("data", f"The data folder {folder} is not there yet; the first start makes it.")
        return
    owner = folder.stat().st_uid
    if owner != user:
        yield wrong(
            "data",
            f"The data folder {folder} belongs to {_name(owner)}, and you are {_name(user)}.",
            f"Run ripstop as {_name(owner)} only; files that another user makes there stop the server.",
        )
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield wrong("data", f"The data folder {folder} cannot be written to.", f"chmod 700 {folder}")
    if stat.S_IMODE(folder.stat().st_mode) & stat.S_IRWXO:
        yield warning("data", f"Every user of this machine can look into {folder}.", f"chmod 700 {folder}")
    kind = file_system(folder, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        yield wrong(
            "data",
            f"The data folder {folder} is on a network file system ({kind}), whose locks do not hold.",
            "Move it to a local disk; pictures alone may be elsewhere (setting `media`).",
        )
    yield fine("data", f"The data folder is {folder}.")


def mounts() -> str:
    """What is mounted where, as `data_folder` takes it."""
    return Path("/proc/mounts").read_text(encoding="utf-8")


def file_system(path: Path, mounts: str) -> str:
    """The kind of the file system that a path is on."""
    best, kind = "", ""
    for line in mounts.splitlines():
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def secret(configuration: Configuration, *, has_store: bool) -> Iterator[Finding]:
    """The file with the server's secret."""
    path = configuration.secret_file
    if not path.exists():
        if has_store:
            yield wrong(
                "secret",
                f"The secret {path} is gone, and what was sealed with it cannot be opened.",
                "Put back the copy that you keep elsewhere; without one, the next start makes a new secret.",
            )
        else:
            yield fine("secret", "The first start makes the secret.")
        return
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        yield wrong("secret", f"Others than its owner can read the secret {path}.", f"chmod 600 {path}")
    if path.stat().st_size < 32:
        yield wrong("secret", f"The secret {path} is damaged.", "Put back the copy that you keep elsewhere.")
    yield fine("secret", f"The secret is {path}; keep a copy elsewhere.")


def settings_file(path: Path, configuration: Configuration) -> Iterator[Finding]:
    """Who can read the file of settings, where it has a password in it."""
    password = urlsplit(configuration.database).password
    if password and path.is_file() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
        yield wrong("settings", f"Every user of this machine can read the password in {path}.", f"chmod 640 {path}")


def folders(configuration: Configuration) -> list[Path]:
    """The data folder, and that of pictures if it is on another disk."""
    data, media = configuration.data_folder, configuration.media_folder
    return [data] if media.is_relative_to(data) else [data, media]


def disk_of(path: Path) -> Disk:
    """The disk that a path is on, or will be."""
    while not path.exists():
        path = path.parent
    usage = shutil.disk_usage(path)
    return Disk(usage.total, usage.free)


def disk(path: Path, room: Disk) -> Finding:
    """How much of a disk is free."""
    left = f"{room.free >> 20:,} MB of {room.total >> 20:,} MB are free for {path}."
    if room.free < FULL_BYTES or room.free < FULL_SHARE * room.total:
        return wrong("disk", f"{left} Nothing is written any more.", "Make room, or move the folder to a larger disk.")
    if room.free < LOW_SHARE * room.total:
        return warning(
            "disk",
            f"{left} Below {FULL_SHARE:.0%} nothing is written any more.",
            "Make room, or move the folder to a larger disk.",
        )
    return fine("disk", left)


def addresses(configuration: Configuration) -> Iterator[Finding]:
    """Whether the address that the server listens on and the one that it tells people fit together."""
    listens, told = configuration.host, urlsplit(configuration.origin)
    hint = 'Set url, such as url = "https://social.example.org".'
    if _is_loopback(listens) and not configuration.url:
        yield warning("url", "Only this machine can reach the server: it listens on the loopback alone.", hint)
    elif _is_loopback(told.hostname or ""):
        yield wrong("url", f"The server listens on {listens} and tells everybody that it is {told.geturl()}.", hint)
    elif told.scheme == "http":
        yield warning(
            "url",
            f"{told.geturl()} is not encrypted: passwords and tokens can be read on the way.",
            "Put a reverse proxy with a certificate in front and set url to https://…; docs/operate has examples.",
        )
    else:
        yield fine("url", f"People reach the server at {told.geturl()}.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port(configuration: Configuration, *, runs: bool) -> Finding:
    """Whether the server answers where it should, or could."""
    host, number = configuration.host, configuration.port
    if number == 0:
        return fine("port", "The server takes any free port.")
    place = f"{host}:{number}"
    if runs:
        try:
            socket.create_connection((host, number), timeout=5).close()
        except OSError as error:
            return wrong(
                "port", f"The server runs, and nothing answers at {place} ({error.strerror}).", "Read its log."
            )
        return fine("port", f"The server answers at {place}.")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return wrong("port", f"Another program listens at {place}.", "Stop it, or set another port.")
        return wrong("port", f"The server cannot listen at {place}: {error.strerror}.", "Set another host or port.")
    return fine("port", f"{place} is free.")


def open_files(configuration: Configuration, most: int | None = None) -> Finding:
    """Whether a process may have as many files open as it takes connections; `most` instead of the real limit."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1] if most is None else most
    wanted = configuration.limits.connections + SPARE_FILES
    if limit != resource.RLIM_INFINITY and limit < wanted:
        return warning(
            "files",
            f"A process may open {limit} files, and limits.connections asks for {wanted}.",
            "Raise it (LimitNOFILE= of systemd, `ulimit -Hn`), or lower limits.connections.",
        )
    return fine("files", "A process may open as many files as it takes connections.")


def processes(ages: Mapping[str, float]) -> Iterator[Finding]:
    """Whether processes of a running server were started again.

    :param ages: seconds since each began, by name; empty if no server runs.
    """
    if not ages:
        yield warning("processes", "No server runs on this data folder.", "`ripstop serve`")
        return
    whole = ages.get(SUPERVISOR, 0.0)
    young = {
        name: age
        for name, age in ages.items()
        if name not in ON_DEMAND | {SUPERVISOR} and age < min(RESTARTED_SECONDS, whole - START_SECONDS)
    }
    for name, age in sorted(young.items()):
        yield warning(
            "processes",
            f"{name} was started again {duration(age)} ago.",
            "The server's log says why it ended; if memory ran out, set fewer processes.",
        )
    if not young:
        yield fine("processes", f"{len(ages)} processes run, the server for {duration(whole)}.")


def last_backup(configuration: Configuration, *, now: float | None = None) -> Finding:
    """How old the last backup of this installation is."""
    last = Last.read(configuration.data_folder)
    remedy = "Let `ripstop backup` run every night, and keep the copies on another machine."
    if last is None:
        return warning("backup", "`ripstop backup` was never run here.", remedy)
    age = (time.time() if now is None else now) - last.begun_ms / 1_000
    sentence = f"The last backup was made {duration(age)} ago, at {last.target}."
    return warning("backup", sentence, remedy) if age > BACKUP_DAYS * 86_400 else fine("backup", sentence)
