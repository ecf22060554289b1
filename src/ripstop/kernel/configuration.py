"""What an installation sets: read once at start from a file and the environment, and validated whole.

The file is TOML, found at ``RIPSTOP_CONFIG`` or ``./ripstop.toml``. The environment goes before the file: a setting
``port`` is ``RIPSTOP_PORT`` there, and ``level`` in the table ``log`` is ``RIPSTOP_LOG_LEVEL``.
docs/operate/configuration.md lists all of them.
"""

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import inspect

MAX_PROCESSES = 48
"""HTTP processes of one server; ids leave room for 64 processes that write, and others write too."""

_PREFIX = "RIPSTOP_"
_NOT_SETTINGS = ("RIPSTOP_CONFIG", "RIPSTOP_TEST_", "RIPSTOP_BENCH_")

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Bytes = Annotated[int, msgspec.Meta(ge=1024)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Rate = Annotated[int, msgspec.Meta(ge=0)]


class ConfigurationError(Exception):
    """The settings cannot be used. Each of `sentences` names one setting and says what is wrong with it."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How events are written down, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of one HTTP process, and where admission control begins to turn work away."""

    body_bytes: Bytes = 1 << 20
    """Size of a request's body, where an endpoint says nothing else."""
    head_seconds: Seconds = 15.0
    """Time for a request's head to arrive, and for a connection to lie idle."""
    body_seconds: Seconds = 20.0
    """Time for a request's body to arrive."""
    connections: Annotated[int, msgspec.Meta(ge=16)] = 8192
    """Connections of one process; further ones wait to be accepted."""
    in_flight: Annotated[int, msgspec.Meta(ge=1)] = 512
    """Requests under way in one process from which anonymous reads are turned away."""
    event_loop_lag: Seconds = 0.05
    """Lateness of the event loop from which anonymous reads are turned away."""
    commit_seconds: Seconds = 0.25
    """Duration of a commit from which anonymous reads are turned away."""
    read_seconds: Seconds = 0.5
    """Time after which PostgreSQL interrupts a read."""
    stop_seconds: Seconds = 15.0
    """Time that requests and calls under way have to finish when the server stops."""
    write_lock_seconds: Seconds = 20.0
    """Time after which a process that holds the store's write lock is ended."""


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often somebody may ask; 0: without bound."""

    account: Rate = 1_500
    """Requests of the API under the tokens of one account, in 5 minutes."""
    network: Rate = 1_500
    """Requests of the API without a user's token from one network, in 5 minutes."""
    uploads: Rate = 30
    """Uploads of one account, in 30 minutes."""
    deletes: Rate = 30
    """Posts and reposts that one account takes back, in 30 minutes."""
    sign_ups: Rate = 30
    """Sign-ups from one network, in 30 minutes."""
    exports: Rate = 4
    forms_account: Rate = 600
    """Forms of the web app that one account sends, in 5 minutes."""
    forms_session: Rate = 300
    """Forms that one browser sends in which somebody is logged in, in 5 minutes."""
    forms_network: Rate = 1_500
    """Forms from one network, in 5 minutes."""
    guesses_here: Rate = 10
    """Failed log-ins with one name from one network, in 15 minutes."""
    guesses_login: Rate = 100
    """Failed log-ins with one name from everywhere, in 15 minutes."""
    guesses_network: Rate = 50
    """Failed log-ins of one network with any names, in 15 minutes."""
    guesses_codes: Rate = 10
    """Wrong second factors of one account, in 15 minutes."""


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What other servers are asked for, and how far that goes."""

    previews: bool = True
    """Whether posts show what their first link leads to."""
    ports: str = "80 443"
    """Ports of public addresses that are asked, apart by spaces."""
    allowed: str = ""
    """Addresses and networks, apart by spaces, that are asked at any port although they are private."""
    seconds: Seconds = 10.0
    """Time for an answer, with all that it leads on to."""
    bytes: Bytes = 4 << 20
    """Size of an answer."""
    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 5
    """How often one answer may lead on to another."""


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings. Made by :func:`load`."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8080
    """Port to listen on; 0 takes a free one."""
    data: str = "./var"
    """The data folder."""
    url: str = ""
    """Public URL of the server; empty: made of host and port."""
    database: str = ""
    """Where the store is: empty for SQLite in the data folder, or a ``postgresql://`` URL."""
    processes: Annotated[int, msgspec.Meta(ge=0, le=MAX_PROCESSES)] = 0
    """HTTP processes; 0: one per core, 16 at most."""
    media: str = ""
    """Folder of the pictures that people upload; empty: ``media`` in the data folder."""
    proxies: str = "127.0.0.0/8 ::1"
    """Addresses and networks, apart by spaces, whose `X-Forwarded-For` is believed."""
    secret: str = ""
    """File with the server's secret; empty: ``secret`` in the data folder, made at the first start."""
    log: Log = Log()
    limits: Limits = Limits()
    rates: Rates = Rates()
    outbound: Outbound = Outbound()

    @property
    def data_folder(self) -> Path:
        return Path(self.data).expanduser().absolute()

    @property
    def engine(self) -> str:
        """What the store rests on, in words."""
        return "PostgreSQL" if self.database else "SQLite"

    @property
    def run_folder(self) -> Path:
        """Sockets and locks of the running server, in the data folder."""
        return self.data_folder / "run"

    @property
    def media_folder(self) -> Path:
        return Path(self.media).expanduser().absolute() if self.media else self.data_folder / "media"

    @property
    def secret_file(self) -> Path:
        return Path(self.secret).expanduser().absolute() if self.secret else self.data_folder / "secret"

    @property
    def origin(self) -> str:
        """The public URL without a slash at the end, as it stands before every path."""
        if self.url:
            return self.url.rstrip("/")
        host = "localhost" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def http_processes(self) -> int:
        return self.processes or min(len(os.sched_getaffinity(0)), 16)

    def listening_on(self, port: int) -> "Configuration":
        """The same with the port that was really bound, for when 0 was asked for."""
        return msgspec.structs.replace(self, port=port)


def load(environment: Mapping[str, str]) -> Configuration:
    """Read file and environment.

    :raises ConfigurationError: with a sentence for each setting that is unknown or wrong.
    """
    settings = _read_file(environment.get("RIPSTOP_CONFIG", ""))
    wrong = _unknown(settings)
    wrong += _read_environment(environment, settings)
    if not wrong:
        wrong = _wrong_values(settings)
    if wrong:
        raise ConfigurationError(wrong)
    return msgspec.convert(settings, Configuration, strict=False)


def _read_file(named: str) -> dict[str, Any]:
    path = Path(named or "ripstop.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise ConfigurationError([f"RIPSTOP_CONFIG names {path}, and there is no such file."]) from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError([f"{path} cannot be read: {error}."]) from None


def _groups() -> dict[str, type[msgspec.Struct]]:
    return {"log": Log, "limits": Limits, "rates": Rates, "outbound": Outbound}


def _fields(struct: type[msgspec.Struct]) -> dict[str, inspect.Type]:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return {field.name: field.type for field in kind.fields}


def _unknown(settings: dict[str, Any]) -> list[str]:
    """Settings of the file that there are not."""
    wrong = []
    for name, value in settings.items():
        group = _groups().get(name)
        if name not in _fields(Configuration):
            wrong.append(f"There is no setting {name}.")
        elif group is not None and not isinstance(value, dict):
            wrong.append(f"The setting {name} is a table: write [{name}].")
        elif group is not None:
            wrong += [f"There is no setting {name}.{inner}." for inner in value if inner not in _fields(group)]
    return wrong


def _read_environment(environment: Mapping[str, str], settings: dict[str, Any]) -> list[str]:
    """Put what the environment says over what the file said; says which variables there are not."""
    places = variables()
    wrong = []
    for name, value in environment.items():
        if not name.startswith(_PREFIX) or name.startswith(_NOT_SETTINGS):
            continue
        place = places.get(name)
        if place is None:
            wrong.append(f"There is no setting {name}.")
        elif len(place) == 2:
            settings.setdefault(place[0], {})[place[1]] = value
        else:
            settings[place[0]] = value
    return wrong


def variables() -> dict[str, tuple[str, ...]]:
    """Every variable of the environment that is a setting, with its place in the file."""
    groups = _groups()
    places: dict[str, tuple[str, ...]] = {}
    for name in _fields(Configuration):
        if name in groups:
            for inner in _fields(groups[name]):
                places[f"{_PREFIX}{name}_{inner}".upper()] = (name, inner)
        else:
            places[f"{_PREFIX}{name}".upper()] = (name,)
    return places


def _wrong_values(settings: dict[str, Any]) -> list[str]:
    """One sentence for each value that does not fit."""
    wrong = []
    for place in variables().values():
        container = settings if len(place) == 1 else settings.get(place[0], {})
        if place[-1] not in container:
            continue
        value = container[place[-1]]
        struct = Configuration if len(place) == 1 else _groups()[place[0]]
        try:
            msgspec.convert({place[-1]: value}, struct, strict=False)
        except msgspec.ValidationError as error:
            what = str(error).partition(" - at ")[0].replace("`", "")
            wrong.append(f"The setting {'.'.join(place)} cannot be {value!r}: {what[:1].lower()}{what[1:]}.")
    return wrong or _wrong_texts(settings)


def _wrong_texts(settings: dict[str, Any]) -> list[str]:
    wrong = []
    url = urlsplit(settings.get("url", ""))
    if settings.get("url") and (
        url.scheme not in {"http", "https"} or not url.netloc or url.path not in {"", "/"} or url.query or url.fragment
    ):
        wrong.append(f"The setting url cannot be {settings['url']!r}: write https://example.org, without a path.")
    database = settings.get("database", "")
    if database and not database.startswith(("postgresql://", "postgres://")):
        wrong.append("The setting database is either empty, for SQLite, or a URL that begins with postgresql://.")
    for proxy in settings.get("proxies", "").split():
        try:
            ip_network(proxy)
        except ValueError:
            wrong.append(f"The setting proxies cannot hold {proxy!r}: write addresses, or networks such as 10.0.0.0/8.")
    wrong += _wrong_destinations(settings.get("outbound", {}))
    if not settings.get("host", "x"):
        wrong.append("The setting host is empty: write 127.0.0.1, or 0.0.0.0 for every address of the machine.")
    if not settings.get("data", "x"):
        wrong.append("The setting data is empty: it names the data folder.")
    return wrong


def _wrong_destinations(outbound: dict[str, Any]) -> list[str]:
    wrong = []
    for network in outbound.get("allowed", "").split():
        try:
            ip_network(network)
        except ValueError:
            wrong.append(f"The setting outbound.allowed cannot hold {network!r}: write networks such as 10.0.0.0/8.")
    ports = [port for port in outbound.get("ports", "").split() if not _is_port(port)]
    return wrong + [
        f"The setting outbound.ports cannot hold {port!r}: write numbers from 1 to 65535." for port in ports
    ]


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65_536
