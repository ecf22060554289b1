"""Avatars and headers: taken in, made anew, served for ever, removed when nobody shows them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from PIL import Image

from tests import pictures
from tests.api.client import Answer, Api, Person
from tests.pictures import corners, decoded, encoded, photograph, quarters
from tests.server import PATIENCE, Server

T = TypeVar("T")
UPDATE = "/api/v1/accounts/update_credentials"


def form(**fields: bytes | str) -> aiohttp.FormData:
    """A form with files and texts."""
    data = aiohttp.FormData()
    for name, value in fields.items():
        if isinstance(value, str):
            data.add_field(name, value)
        else:
            data.add_field(name, io.BytesIO(value), filename=f"{name}.jpg", content_type="image/jpeg")
    return data


async def update(api: Api, who: Person, **fields: bytes | str) -> Answer:
    """Change a profile."""
    return await api.ask("PATCH", UPDATE, as_=who, data=form(**fields))


async def fetch(api: Api, url: str, **headers: str) -> Answer:
    return await api.get(urlsplit(url).path, headers=headers)


async def test_an_avatar_and_a_header_are_shown_to_everybody(api: Api, alice: Person, bob: Person) -> None:
    answer = await update(api, alice, avatar=photograph(800, 600), header=photograph(3000, 1500))
    assert answer.status == 200, answer.body
    own = answer.json()
    assert own["avatar"] == own["avatar_static"] != own["header"] == own["header_static"]
    seen = await api.want("GET", f"/api/v1/accounts/{alice.id}", as_=bob)
    assert (seen["avatar"], seen["header"]) == (own["avatar"], own["header"])
    post = await api.publish(alice, "look at me")
    assert post["account"]["avatar"] == own["avatar"]
    resource = f"acct:{alice.username}@{urlsplit(post['url']).netloc}"
    links = (await api.want("GET", f"/.well-known/webfinger?resource={resource}"))["links"]
    avatar, header = await fetch(api, own["avatar"]), await fetch(api, own["header"])
    told = {"rel": "http://webfinger.net/rel/avatar", "type": avatar.headers["content-type"], "href": own["avatar"]}
    assert told in links
    assert (decoded(avatar.body).size, decoded(header.body).size) == ((400, 400), (1500, 500))
    for size in ((120, 120), (600, 200)):
        url = own["avatar" if size[0] == 120 else "header"].replace("-large", "-small")
        assert decoded((await fetch(api, url)).body).size == size


async def test_they_are_served_so_that_nobody_asks_twice_and_nothing_runs(api: Api, alice: Person) -> None:
    url = (await update(api, alice, avatar=photograph(500, 500))).json()["avatar"]
    answer = await fetch(api, url)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["access-control-allow-origin"] == "*"
    again = await fetch(api, url, **{"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert (await api.ask("HEAD", urlsplit(url).path)).status == 200


@pytest.mark.parametrize("name", ["x", "..%2F..%2Fsecret", "%2e%2e/secret", f"{'a' * 32}-large.webp", "a" * 32])
async def test_other_names_lead_nowhere(api: Api, name: str) -> None:
    assert (await api.get(f"/media/{name}")).status == 404


async def test_nothing_but_pixels_comes_through(api: Api, alice: Person) -> None:
    url = (await update(api, alice, avatar=photograph(800, 800, orientation=6))).json()["avatar"]
    body = (await fetch(api, url)).body
    assert pictures.LATITUDE not in body
    assert b"EXIF" not in body
    assert not decoded(body).getexif()
    assert corners(decoded(body)) == ["blue", "red", "white", "green"], "it was turned as its EXIF says"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG"])
async def test_every_kind(api: Api, alice: Person, kind: str) -> None:
    url = (await update(api, alice, avatar=encoded(quarters(300, 300), kind))).json()["avatar"]
    assert corners(decoded((await fetch(api, url)).body)) == ["red", "green", "blue", "white"]


async def test_as_a_data_url(api: Api, alice: Person) -> None:
    encoded_text = base64.b64encode(encoded(quarters(500, 500), "PNG")).decode()
    answer = await api.ask("PATCH", UPDATE, as_=alice, json={"avatar": f"data:image/png;base64,{encoded_text}"})
    assert decoded((await fetch(api, answer.json()["avatar"])).body).size == (400, 400)


@pytest.mark.parametrize("given", ["x", "http://example.org/x.png", "data:image/png;base64,***", "data:text/html,x", 7])
async def test_what_is_no_file(api: Api, alice: Person, given: object) -> None:
    assert (await api.ask("PATCH", UPDATE, as_=alice, json={"avatar": given})).status == 422


@pytest.mark.parametrize("given", ["", None])
async def test_an_empty_field_leaves_what_is_there(api: Api, alice: Person, given: object) -> None:
    before = (await update(api, alice, avatar=photograph(50, 50))).json()["avatar"]
    answer = await api.ask("PATCH", UPDATE, as_=alice, json={"avatar": given, "note": "x"})
    assert answer.json()["avatar"] == before


BAD: dict[str, Callable[[], bytes]] = {
    "nothing": bytes,
    "html": lambda: b"<!doctype html><script>alert(1)</script>",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "truncated": lambda: photograph(300, 300)[:2_000],
    "too many pixels": pictures.bomb,
    "too much text": pictures.text_bomb,
    "too many bytes": lambda: b"\x89PNG\r\n\x1a\n" + bytes(8 << 20),
    "random": lambda: secrets.token_bytes(5_000),
}
"""What is uploaded, made when it is asked for."""


@pytest.mark.parametrize("what", BAD)
async def test_what_is_no_picture_is_refused_with_a_sentence(api: Api, alice: Person, what: str) -> None:
    answer = await update(api, alice, avatar=BAD[what](), display_name="changed")
    assert answer.status == 422, answer.body
    assert answer.json()["error"].startswith("Validation failed: File ")
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice)
    assert own["avatar"].endswith("/missing.png")
    assert own["display_name"] == ""


@pytest.mark.parametrize("size", [24 << 20, 80 << 20])
async def test_a_body_beyond_all_measure_is_told_so(api: Api, alice: Person, size: int) -> None:
    """Whoever still sends hears of it, where that is not for ever."""
    try:
        assert (await update(api, alice, avatar=bytes(size))).status == 413
    except aiohttp.ClientError:
        assert size > 64 << 20


async def test_who_may_not_upload_hears_it_after_sending(api: Api) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}):
        answer = await api.ask("PATCH", UPDATE, data=form(avatar=bytes(8 << 20)), headers=headers)
        assert answer.status == 401


async def test_taking_them_down(api: Api, alice: Person) -> None:
    await update(api, alice, avatar=photograph(50, 50), header=photograph(60, 20))
    own = await api.want("DELETE", "/api/v1/profile/avatar", as_=alice)
    assert own["avatar"].endswith("/missing.png")
    assert not own["header"].endswith("/missing.png")
    own = await api.want("DELETE", "/api/v1/profile/header", as_=alice)
    assert own["header"].endswith("/missing.png")
    assert (await api.delete("/api/v1/profile/header", as_=alice)).status == 200
    assert (await api.delete("/api/v1/profile/avatar")).status == 401


async def test_two_who_show_the_same_share_nothing(api: Api, alice: Person, bob: Person) -> None:
    one, other = [(await update(api, who, avatar=photograph(70, 70))).json()["avatar"] for who in (alice, bob)]
    assert one != other


async def test_a_profile_page_shows_them(api: Api, alice: Person) -> None:
    own = (await update(api, alice, avatar=photograph(800, 800), header=photograph(900, 300))).json()
    await api.publish(alice, "here I am")
    page = (await api.get(f"/@{alice.username}")).body.decode()
    small = urlsplit(own["avatar"].replace("-large", "-small")).path
    assert page.count(small) >= 2, "at the top, and beside the post"
    assert urlsplit(own["header"]).path in page
    assert f'alt="Avatar of {alice.username}"' in page


def stopped_at_work(server: Server) -> psutil.Process | None:
    """A process that makes a picture, which stands still from now on; None if there is none, or it has just ended."""
    pid = server.children().get("rip-darkroom")
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in [] if pid is None else psutil.Process(pid).children():
            child.suspend()
            if child.status() == psutil.STATUS_STOPPED:
                return child
    return None


async def caught(server: Server, send: Callable[[], Awaitable[T]]) -> tuple[psutil.Process, asyncio.Future[T]]:
    """An upload that is under way, and the process that makes its picture, which stands still.

    An upload that is done before anybody looks is sent again.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            sent = asyncio.ensure_future(send())
            while not sent.done():
                maker = await asyncio.to_thread(stopped_at_work, server)
                if maker is not None:
                    return maker, sent


async def test_processes_killed_over_a_picture(own_server: Server) -> None:
    large = encoded(Image.new("RGBA", (3_000, 2_000), (1, 2, 3, 4)), "PNG")  # a fifth of a second of work
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        api = Api(session, own_server)
        alice = await api.person("alice")

        maker, waiting = await caught(own_server, lambda: update(api, alice, avatar=large))
        died = own_server.kill("rip-darkroom")
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends with its parent, unless it was stopped too early
            maker.kill()
        assert (await waiting).status == 200, "another process took it over"
        assert own_server.children()["rip-darkroom"] != died

        bearer = {"authorization": f"Bearer {alice.token}"}

        before = ""

        async def send() -> aiohttp.ClientResponse:
            nonlocal before
            before = (await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice))["header"]
            return await session.patch(own_server.url + UPDATE, data=form(header=large), headers=bearer)

        maker, once = await caught(own_server, send)
        maker.kill()
        answer = await once
        assert answer.status == 503
        assert answer.headers["retry-after"]
        assert "Pictures cannot be processed" in (await answer.json())["error"]
        own = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice)
        assert own["header"] == before
        assert (await update(api, alice, header=photograph(60, 20))).status == 200
    assert not list((own_server.folder / "media").rglob(".*"))
