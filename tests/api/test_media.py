"""Pictures of posts: uploaded, described, posted, edited, taken back."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.api.client import Answer, Api, Person
from tests.api.streams import Streams
from tests.pictures import corners, decoded, encoded, photograph, quarters
from tests.server import PATIENCE

KEYS = {
    "id",
    "type",
    "url",
    "preview_url",
    "remote_url",
    "preview_remote_url",
    "text_url",
    "meta",
    "description",
    "blurhash",
}


async def send(
    api: Api, who: Person | None, data: bytes, *, path: str = "/api/v2/media", kind: str = "image/jpeg", **texts: str
) -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(data), filename="picture.jpg", content_type=kind)
    for name, text in texts.items():
        form.add_field(name, text)
    return await api.post(path, as_=who, data=form)


async def upload(api: Api, who: Person, **texts: str) -> dict[str, Any]:
    answer = await send(api, who, photograph(900, 600), **texts)
    assert answer.status == 200, answer.body
    return dict(answer.json())


async def posted(api: Api, who: Person, *media: dict[str, Any], status: str = "", **fields: object) -> dict[str, Any]:
    """A post with pictures."""
    body = {"status": status, "media_ids": [one["id"] for one in media], **fields}
    return dict(await api.want("POST", "/api/v1/statuses", as_=who, json=body))


async def edited(api: Api, who: Person, post: dict[str, Any], **fields: object) -> dict[str, Any]:
    return dict(await api.want("PUT", f"/api/v1/statuses/{post['id']}", as_=who, json=fields))


# Uploading


@pytest.mark.parametrize("path", ["/api/v1/media", "/api/v2/media"])
async def test_a_picture_is_ready_at_once(api: Api, alice: Person, path: str) -> None:
    answer = await send(api, alice, photograph(3_000, 2_000), path=path, description=" A flag\r\n", focus="0.5,-2")
    assert answer.status == 200, answer.body
    media = answer.json()
    assert media.keys() == KEYS
    assert (media["type"], media["description"]) == ("image", "A flag")
    assert media["meta"]["focus"] == {"x": 0.5, "y": -1.0}
    large, small = media["meta"]["original"], media["meta"]["small"]
    assert (large["width"], large["height"], large["size"]) == (2508, 1672, "2508x1672")
    assert large["aspect"] == pytest.approx(1.5, abs=0.01)
    assert small["width"] * small["height"] <= 640 * 360
    for url, shape in ((media["url"], large), (media["preview_url"], small)):
        picture = decoded((await api.get(urlsplit(url).path)).body)
        assert picture.size == (shape["width"], shape["height"])
        assert corners(picture) == ["red", "green", "blue", "white"]
    assert await api.want("GET", f"/api/v1/media/{media['id']}", as_=alice) == media


async def test_it_can_be_described_before_it_is_posted(api: Api, alice: Person) -> None:
    media = await upload(api, alice)
    assert media["description"] is None
    path = f"/api/v1/media/{media['id']}"
    described = await api.want("PUT", path, as_=alice, form={"description": "A flag"})
    assert described == {**media, "description": "A flag"}
    focused = await api.want("PUT", path, as_=alice, form={"focus": "0.1,0.2"})
    assert focused["description"] == "A flag"
    assert focused["meta"]["focus"] == {"x": 0.1, "y": 0.2}
    post = await posted(api, alice, media)
    assert post["media_attachments"] == [focused]
    assert (await api.ask("PUT", path, as_=alice, form={"description": "too late"})).status == 404


@pytest.mark.parametrize("focus", ["x", "1", "1,2,3", "nan,0", "inf,0", ","])
async def test_what_is_no_focus(api: Api, alice: Person, focus: str) -> None:
    assert (await send(api, alice, photograph(9, 9), focus=focus)).status == 422


async def test_a_description_has_its_limit(api: Api, alice: Person) -> None:
    assert (await send(api, alice, photograph(9, 9), description="x" * 1_501)).status == 422
    media = await upload(api, alice, description="x" * 1_500)
    answer = await api.ask("PUT", f"/api/v1/media/{media['id']}", as_=alice, form={"description": "x" * 1_501})
    assert answer.status == 422


@pytest.mark.parametrize("kind", ["video/mp4", "audio/mpeg"])
async def test_films_and_sounds_are_refused_with_a_sentence(api: Api, alice: Person, kind: str) -> None:
    answer = await send(api, alice, b"\0\0\0\x18ftypmp42", kind=kind)
    assert answer.status == 422
    assert "video" in answer.json()["error"]


async def test_what_is_no_picture_or_nothing_is_refused(api: Api, alice: Person) -> None:
    assert (await send(api, alice, b"<svg/>")).status == 422
    assert (await api.post("/api/v2/media", as_=alice, form={"description": "nothing"})).status == 422
    assert (await api.post("/api/v2/media", form={"description": "nobody"})).status == 401


async def test_nobody_else_sees_or_posts_it(api: Api, alice: Person, bob: Person) -> None:
    media = await upload(api, alice)
    path = f"/api/v1/media/{media['id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert (await api.ask(method, path, as_=bob, form={} if method == "PUT" else None)).status == 404
    answer = await api.post("/api/v1/statuses", as_=bob, json={"status": "mine", "media_ids": [media["id"]]})
    assert answer.status == 422
    own = (await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice))["id"]
    assert (await api.get(f"/api/v1/media/{own}", as_=alice)).status == 404


async def test_it_can_be_thrown_away_before_it_is_posted_and_not_after(api: Api, alice: Person) -> None:
    media, kept = await upload(api, alice), await upload(api, alice)
    assert await api.want("DELETE", f"/api/v1/media/{media['id']}", as_=alice) == {}
    assert (await api.get(f"/api/v1/media/{media['id']}", as_=alice)).status == 404
    answer = await api.post("/api/v1/statuses", as_=alice, json={"status": "x", "media_ids": [media["id"]]})
    assert answer.status == 422
    await posted(api, alice, kept)
    assert (await api.delete(f"/api/v1/media/{kept['id']}", as_=alice)).status == 422


# Posting


async def test_a_post_with_pictures_alone(api: Api, alice: Person, bob: Person) -> None:
    first, second = await upload(api, alice), await upload(api, alice, description="the other")
    post = await posted(api, alice, second, first, sensitive=True)
    assert post["media_attachments"] == [second, first]
    assert (post["content"], post["sensitive"]) == ("", True)
    seen = await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=bob)
    assert seen["media_attachments"] == [second, first]
    assert (await api.post("/api/v1/statuses", as_=alice, json={"status": "", "media_ids": []})).status == 422


async def test_one_picture_stands_in_one_post(api: Api, alice: Person) -> None:
    media = await upload(api, alice)
    await posted(api, alice, media)
    answer = await api.post("/api/v1/statuses", as_=alice, json={"status": "again", "media_ids": [media["id"]]})
    assert answer.status == 422
    assert "attached" in answer.json()["error"]


async def test_at_most_four(api: Api, alice: Person) -> None:
    media = [await upload(api, alice) for _ in range(5)]
    ids = [one["id"] for one in media]
    answer = await api.post("/api/v1/statuses", as_=alice, json={"status": "x", "media_ids": ids})
    assert answer.status == 422
    assert "more than 4" in answer.json()["error"]
    assert len((await posted(api, alice, *media[:4]))["media_attachments"]) == 4


async def test_the_same_attempt_twice_is_one_post(api: Api, alice: Person) -> None:
    body = {"status": "once", "media_ids": [(await upload(api, alice))["id"]]}
    one, other = [
        await api.post("/api/v1/statuses", as_=alice, json=body, headers={"idempotency-key": "k"}) for _ in range(2)
    ]
    assert one.status == other.status == 200, other.body
    assert one.json()["id"] == other.json()["id"]


async def test_lists_of_what_has_pictures(api: Api, alice: Person, bob: Person) -> None:
    tag = f"tag{alice.username.replace('_', '')}"
    plain = await api.publish(alice, f"#{tag} words")
    pictured = await posted(api, alice, await upload(api, alice), status=f"#{tag} and a picture")
    for path in (f"/api/v1/accounts/{alice.id}/statuses", f"/api/v1/timelines/tag/{tag}"):
        assert (await api.get(path, as_=bob)).ids == [pictured["id"], plain["id"]]
        assert (await api.get(f"{path}?only_media=true", as_=bob)).ids == [pictured["id"]]
    local = (await api.get("/api/v1/timelines/public?local=true&only_media=true", as_=bob)).ids
    assert pictured["id"] in local
    assert plain["id"] not in local


async def test_streams_of_what_has_pictures(api: Api, streams: Streams, alice: Person) -> None:
    async with streams.socket(alice, "public:media") as socket:
        await api.publish(alice, "words")
        pictured = await posted(api, alice, await upload(api, alice))
        stream, event, payload = await socket.next(alice)
        assert (stream, event, payload["id"]) == (["public:media"], "update", pictured["id"])
        assert payload["media_attachments"] == pictured["media_attachments"]


# Editing


async def test_edits_change_pictures_and_keep_what_was(api: Api, alice: Person) -> None:
    first, second = await upload(api, alice), await upload(api, alice)
    post = await posted(api, alice, first, status="one")
    after = await edited(api, alice, post, status="one", media_ids=[second["id"]])
    assert after["media_attachments"] == [second]
    described = await edited(
        api,
        alice,
        post,
        status="one",
        media_ids=[second["id"], first["id"]],
        media_attributes=[{"id": second["id"], "description": "two", "focus": "1,1"}],
    )
    assert [one["description"] for one in described["media_attachments"]] == ["two", None]
    assert described["media_attachments"][0]["meta"]["focus"] == {"x": 1.0, "y": 1.0}
    bare = await edited(api, alice, post, status="none left")
    assert bare["media_attachments"] == []
    history = await api.want("GET", f"/api/v1/statuses/{post['id']}/history", as_=alice)
    assert [[one["id"] for one in each["media_attachments"]] for each in history] == [
        [first["id"]],
        [second["id"]],
        [second["id"], first["id"]],
        [],
    ]
    assert history[1]["media_attachments"] == [second], "as it was described then"
    for one in (first, second):
        assert (await api.get(urlsplit(one["url"]).path)).status == 200
    assert (await api.get(f"/api/v1/accounts/{alice.id}/statuses?only_media=true")).ids == []


async def test_an_edit_that_changes_nothing_is_none(api: Api, alice: Person) -> None:
    media = await upload(api, alice)
    post = await posted(api, alice, media, status="same")
    assert (await edited(api, alice, post, status="same", media_ids=[media["id"]]))["edited_at"] is None


async def test_an_edit_cannot_take_pictures_of_another_post_nor_leave_nothing(api: Api, alice: Person) -> None:
    one, other = await upload(api, alice), await upload(api, alice)
    first, second = await posted(api, alice, one), await posted(api, alice, other)
    path = f"/api/v1/statuses/{first['id']}"
    for body in (
        {"media_ids": [other["id"]]},
        {"status": ""},
        {"media_ids": [one["id"]], "media_attributes": [{"id": other["id"], "description": "x"}]},
    ):
        assert (await api.ask("PUT", path, as_=alice, json=body)).status == 422
    assert (await api.want("GET", path))["media_attachments"] == [one]
    assert (await api.want("GET", f"/api/v1/statuses/{second['id']}"))["media_attachments"] == [other]


# Taking back


async def test_pictures_of_a_deleted_post_can_be_posted_anew(api: Api, alice: Person) -> None:
    media = await upload(api, alice, description="kept")
    post = await posted(api, alice, media, status="with a mistake")
    deleted = await api.want("DELETE", f"/api/v1/statuses/{post['id']}", as_=alice)
    assert (deleted["text"], deleted["media_attachments"]) == ("with a mistake", [media])
    again = await posted(api, alice, media, status="without")
    assert again["media_attachments"] == [media]
    assert (await api.get(urlsplit(media["url"]).path)).status == 200


async def test_or_go_at_once(api: Api, alice: Person) -> None:
    media = await upload(api, alice)
    post = await posted(api, alice, media)
    await api.want("DELETE", f"/api/v1/statuses/{post['id']}?delete_media=true", as_=alice)
    async with asyncio.timeout(PATIENCE):
        while (await api.get(urlsplit(media["url"]).path)).status == 200:  # noqa: ASYNC110 - another process does the work, and tells nobody
            await asyncio.sleep(0.01)
    assert (await api.get(f"/api/v1/media/{media['id']}", as_=alice)).status == 404


async def test_pages_show_them_with_what_is_said_of_them(api: Api, alice: Person) -> None:
    media = await upload(api, alice, description='A "flag" & more')
    post = await posted(api, alice, media, status="look")
    hidden = await posted(api, alice, await upload(api, alice), status="do not look", sensitive=True)
    page = (await api.get(f"/@{alice.username}/{post['id']}")).body.decode()
    assert urlsplit(media["preview_url"]).path in page
    assert 'alt="A &#34;flag&#34; &amp; more"' in page
    assert f'width="{media["meta"]["small"]["width"]}"' in page
    hiding = "<summary>Sensitive pictures</summary>"
    assert hiding not in page
    assert hiding in (await api.get(f"/@{alice.username}/{hidden['id']}")).body.decode()


async def test_the_instance_says_what_is_taken(api: Api) -> None:
    configuration = (await api.want("GET", "/api/v2/instance"))["configuration"]
    assert configuration["statuses"]["max_media_attachments"] == 4
    limits = configuration["media_attachments"]
    assert limits["supported_mime_types"] == ["image/jpeg", "image/png", "image/webp", "image/gif"]
    assert (limits["description_limit"], limits["image_size_limit"]) == (1_500, 16 << 20)
    assert limits["image_matrix_limit"] == 7_680 * 4_320
    assert limits["video_size_limit"] == 0


async def test_as_text(api: Api, alice: Person) -> None:
    """As some programs send it."""
    text = base64.b64encode(encoded(quarters(9, 9), "PNG")).decode()
    body = {"file": f"data:image/png;base64,{text}"}
    assert (await api.want("POST", "/api/v1/media", as_=alice, json=body))["meta"]["original"]["size"] == "9x9"
