"""One line per event on standard error, as text or JSON, without passwords and tokens.

Code logs through the standard library's loggers, named for its module. What must not be written down is taken out
of the finished line, whatever way it got there: message, argument, exception or traceback.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from ripstop.kernel.configuration import Log

_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [redacted]"),
    (
        re.compile(
            r"(?i)([\"']?\b(?:[\w-]*password|passwd|passphrase|access_token|refresh_token|client_secret|id_token|token"
            r"|secret|code_verifier|authorization)\b[\"']?\s*(?:=|:)\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s,;&)}\]]+)"
        ),
        r"\1[redacted]",
    ),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]*@"), r"\1:[redacted]@"),
)


def redact(line: str) -> str:
    """The line without the values of passwords, tokens and secrets."""
    for pattern, replacement in _SECRETS:
        line = pattern.sub(replacement, line)
    return line


class _Line(logging.Formatter):
    """What both formats share: the parts of a record as text, redacted."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def parts(self, record: logging.LogRecord) -> dict[str, str]:
        parts = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "event": redact(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0] is not None:
            parts["exception"] = redact(self.formatException(record.exc_info))
        return parts


class TextFormatter(_Line):
    """For people: ``2030-01-01T00:00:00.000+00:00 info rip-http-0 ripstop.boot: …``."""

    def format(self, record: logging.LogRecord) -> str:
        parts = self.parts(record)
        line = "{time} {level} {process} {logger}: {event}".format_map(parts)
        if "exception" in parts:
            line += " | " + parts["exception"]
        return line.replace("\r", "\\r").replace("\n", "\\n")


class JsonFormatter(_Line):
    """For programs: one object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return msgspec.json.encode(self.parts(record)).decode()


def configure(settings: Log, *, process: str, stream: TextIO | None = None) -> None:
    """Send all loggers of this process there. Called once in each process, after its fork."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(process) if settings.format == "json" else TextFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
