"""What the description of the API says of an answer, and whether it is so; and the routes that it describes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ripstop import boot
from ripstop.kernel.configuration import Configuration
from ripstop.kernel.errors import NotFound, RipstopError
from ripstop.machinery.bus import MemoryBus
from ripstop.surfaces.http import health
from ripstop.surfaces.http.openapi import Error, Media, by_status, choices, key_of
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response
from ripstop.surfaces.http.routing import Route, Router
from ripstop.surfaces.mastodon import answers as mastodon
from ripstop.surfaces.streaming import routes as streaming

ANSWERS: Mapping[str, Any] = {**health.ANSWERS, **mastodon.ANSWERS, **streaming.ANSWERS}
"""All tables of answers."""


async def _nobody(request: Request, params: None) -> Response:
    raise NotFound("This route is only looked up")


@cache
def _router() -> Router:
    pairs = (key.split(" ", 1) for key in ANSWERS)
    return Router(Route(method, pattern, _nobody) for method, pattern in pairs)


def described(method: str, path: str) -> str | None:
    """By what the tables know the route that answers; None for pages, and for what there is not."""
    try:
        return key_of(_router().find(method, path.partition("?")[0])[0].route)
    except RipstopError:
        return None


def check_described(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Pass if an answer is as the description says: status, content type, each key of each entity.

    :raises AssertionError: it is not; says where.
    """
    key = described(method, path)
    if key is None or method == "HEAD":
        return
    kind = headers.get("content-type", "").partition(";")[0]
    if status >= 400:
        expected: Any = Error
    else:
        answers = by_status(ANSWERS[key])
        assert status in answers or status == 304, f"{key} answers {status}, which is not described"
        expected = answers.get(status)
    if expected is None:
        return
    media = [one if isinstance(one, Media) else Media("application/json", one) for one in choices(expected)]
    types = {one.content_type: one.of for one in media}
    assert kind in types, f"{key} answers {kind}"
    if (type_ := types[kind]) is None:
        return
    try:
        msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        msg = f"{key} answers {status} with what is not described: {error}\n{body[:2000]!r}"
        raise AssertionError(msg) from None


@asynccontextmanager
async def all_routes(folder: Path) -> AsyncIterator[list[Route]]:
    """The routes of the Mastodon API and the pages, over an empty store in a folder."""
    ground = boot.Ground(Configuration(data=str(folder)))
    base = await boot.open_base(ground, bus=MemoryBus())
    try:
        yield boot.make_routes(ground, base)
    finally:
        await base.parts.aclose()
