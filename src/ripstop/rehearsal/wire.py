"""Reads HTTP/1.1 answers off one connection, one answer at a time.

A crowd must cost far less than the server that it measures, so this reads what JSON servers send and no more: a
status line, headers, and a body by Content-Length, in chunks, or until the connection ends. Requests are not
pipelined: an answer is complete before the next request is sent.
"""

from __future__ import annotations

import re

HEAD_END = b"\r\n\r\n"
BODYLESS = (204, 304)
SHED = (429, 503)
RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)")


class WireError(Exception):
    """The bytes are not an HTTP/1.1 answer."""


class Answer:
    """One answer. `head` is the status line and headers as received, `body` the decoded body."""

    __slots__ = ("body", "head", "keep_alive", "status")

    def __init__(self, status: int, head: bytes, body: bytes, *, keep_alive: bool) -> None:
        self.status = status
        self.head = head
        self.body = body
        self.keep_alive = keep_alive

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def shed(self) -> bool:
        """Whether the server said to come back later, and did nothing."""
        return self.status in SHED

    @property
    def retry_after(self) -> float:
        """Seconds until it makes sense to ask again; a quarter of one where the server does not say."""
        value = self.header("Retry-After")
        return min(float(value), LONGEST_RETRY_SECONDS) if value.isdigit() else RETRY_SECONDS

    def header(self, name: str) -> str:
        """The value of a header, empty if it is not there."""
        found = re.search(rb"\r\n" + re.escape(name.encode()) + rb":[ \t]*([^\r]*)", self.head, re.IGNORECASE)
        return found.group(1).decode("latin-1").strip() if found else ""


class AnswerReader:
    """Fed with the bytes of a connection, gives an answer when one is complete."""

    __slots__ = ("_buffer", "_length", "_lower", "_start")

    UNTIL_CLOSE = -1
    CHUNKED = -2

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0  # where the body starts; 0 while the head is incomplete
        self._length = 0
        self._lower = b""

    def feed(self, data: bytes) -> Answer | None:
        """The answer that `data` completes, if it does. Raises WireError for bytes past its end."""
        buffer = self._buffer
        buffer += data
        if not self._start and not self._read_head():
            return None
        if self._length >= 0:
            surplus = len(buffer) - self._start - self._length
            if surplus < 0:
                return None
            if surplus:
                raise WireError(f"{surplus} bytes after the end of an answer")
            return self._take(bytes(buffer[self._start :]))
        if self._length == self.CHUNKED:
            body = self._read_chunks()
            return None if body is None else self._take(body)
        return None

    def finish(self) -> Answer | None:
        """The answer whose end is the end of the connection; None when there is none or it was cut."""
        if self._start and self._length == self.UNTIL_CLOSE:
            return self._take(bytes(self._buffer[self._start :]))
        return None

    def _read_head(self) -> bool:
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return False
        head = bytes(self._buffer[: end + 2])
        if not head.startswith(b"HTTP/1."):
            raise WireError(f"not an HTTP/1.1 answer: {head[:40]!r}")
        self._lower = head.lower()
        self._start = end + len(HEAD_END)
        length = _LENGTH.search(self._lower)
        if int(head[9:12]) in BODYLESS:
            self._length = 0
        elif length:
            self._length = int(length.group(1))
        elif b"\r\ntransfer-encoding: chunked" in self._lower:
            self._length = self.CHUNKED
        else:
            self._length = self.UNTIL_CLOSE
        return True

    def _read_chunks(self) -> bytes | None:
        """All chunks joined, None while the last one is missing. Trailers are read over."""
        buffer, at = self._buffer, self._start
        parts: list[bytes] = []
        while (line_end := buffer.find(b"\r\n", at)) >= 0:
            size = int(bytes(buffer[at:line_end]).split(b";")[0], 16)
            at = line_end + 2
            if size == 0:
                ended = buffer.startswith(b"\r\n", at) or buffer.find(HEAD_END, at) >= 0
                return b"".join(parts) if ended else None
            if len(buffer) < at + size + 2:
                return None
            parts.append(bytes(buffer[at : at + size]))
            at += size + 2
        return None

    def _take(self, body: bytes) -> Answer:
        head = bytes(self._buffer[: self._start - 2])
        keep_alive = b"\r\nconnection: close" not in self._lower and self._length != self.UNTIL_CLOSE
        self._buffer = bytearray()
        self._start = 0
        return Answer(int(head[9:12]), head, body, keep_alive=keep_alive)
