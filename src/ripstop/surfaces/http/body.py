"""Reading a request's body: bounded in size and time, as JSON, urlencoded form or multipart form."""

import asyncio
from collections.abc import Mapping
from email.message import Message
from typing import Any

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from ripstop.kernel.errors import BadRequest, TooLarge
from ripstop.surfaces.http.errors import RequestTimeout
from ripstop.surfaces.http.form import MAX_PAIRS, Pairs, nest, split_pairs
from ripstop.surfaces.http.params import Upload
from ripstop.surfaces.http.request import Channel, HeaderMap

_decode_json = msgspec.json.Decoder().decode


async def read_body(headers: HeaderMap, channel: Channel, *, limit: int, seconds: float) -> bytes:
    """All of the body.

    :param limit: bytes.
    :param seconds: by when all of it must have come.
    :raises TooLarge: it is larger than `limit`; nothing beyond that was kept.
    :raises RequestTimeout: it came too slowly.
    """
    declared = headers.get("content-length")
    if declared is None and headers.get("transfer-encoding") is None:
        return b""
    if declared == "0":
        return b""
    try:
        async with asyncio.timeout(seconds):
            if declared is not None:
                # The server has checked that it is a number, and never hands over more than was declared.
                if int(declared) > limit:
                    raise too_large(limit)
                return await channel()
            return await _read_chunks(channel, limit)
    except TimeoutError:
        raise too_slow(seconds) from None


async def _read_chunks(channel: Channel, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in channel:
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit:,} bytes")


def too_slow(seconds: float) -> RequestTimeout:
    return RequestTimeout(f"The body did not arrive within {seconds:g} seconds")


def parse_body(content_type: str | None, body: bytes) -> Mapping[str, Any]:
    """The body's fields by name.

    :raises BadRequest: it is not what its content type says, or of a type that is not understood.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _parse_json(body)
    if kind == "multipart/form-data":
        return _parse_multipart(content_type or "", body)
    if kind in {"application/x-www-form-urlencoded", ""}:
        return _parse_form(body)
    raise BadRequest("A body must be JSON, an urlencoded form or a multipart form")


def _parse_json(body: bytes) -> Mapping[str, Any]:
    try:
        value = _decode_json(body)
    except UnicodeDecodeError:
        raise _not_utf8() from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON", cause=error) from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object")
    if b"\\u0000" in body:
        raise BadRequest("The body holds a NUL character")
    return value


def _parse_form(body: bytes) -> Mapping[str, Any]:
    try:
        pairs = split_pairs(body.decode())
    except UnicodeDecodeError:
        raise _not_utf8() from None
    values: dict[str, Any] = {}
    nest(pairs, values)
    return values


def _parse_multipart(content_type: str, body: bytes) -> Mapping[str, Any]:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise BadRequest("The multipart body names no boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary.encode(), parts.callbacks())
        parser.write(body)
        parser.finalize()
    except (FormParserError, UnicodeError) as error:
        raise BadRequest("The multipart body is malformed", cause=error) from None
    if not parts.ended:
        raise BadRequest("The multipart body ends too early")
    values: dict[str, Any] = {}
    nest(parts.pairs, values)
    return values


class _Parts:
    """Collects the parts of one multipart body as the parser walks over it."""

    def __init__(self) -> None:
        self.pairs: Pairs = []
        self.ended = False
        self._header = Message()
        self._field = bytearray()
        self._value = bytearray()
        self._data = bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._data.extend(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._end_all,
        }

    def _begin(self) -> None:
        self._header = Message()
        self._data.clear()

    def _end_header(self) -> None:
        self._header[self._field.decode("ascii")] = self._value.decode()
        self._field.clear()
        self._value.clear()

    def _end(self) -> None:
        if len(self.pairs) >= MAX_PAIRS:
            raise BadRequest(f"More than {MAX_PAIRS} parameters")
        name = self._header.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise BadRequest("A part of the multipart body has no name")
        file_name = self._header.get_param("filename", header="content-disposition")
        if isinstance(file_name, str):
            kind = self._header.get_content_type() if "content-type" in self._header else "application/octet-stream"
            self.pairs.append((name, Upload(file_name, kind, bytes(self._data))))
            return
        try:
            value = self._data.decode()
        except UnicodeDecodeError:
            raise _not_utf8() from None
        if "\x00" in value:
            raise BadRequest("A parameter holds a NUL character")
        self.pairs.append((name, value))

    def _end_all(self) -> None:
        self.ended = True


def _not_utf8() -> BadRequest:
    return BadRequest("The body is not valid UTF-8")
