"""Hashtags: their timelines, and following them."""

from __future__ import annotations

import secrets

import pytest

from tests.api.client import Api, Person


@pytest.fixture
def tag() -> str:
    """A hashtag that nobody has used yet."""
    return f"t{secrets.token_hex(6)}"


async def test_a_timeline_of_a_hashtag(api: Api, alice: Person, bob: Person, tag: str) -> None:
    posts = [(await api.publish(alice, f"post {i} #{tag.upper()}"))["id"] for i in range(5)]
    await api.publish(alice, f"#{tag}", visibility="unlisted")
    path = f"/api/v1/timelines/tag/{tag}"
    first = await api.get(path, query={"limit": "2"})
    assert first.ids == [posts[4], posts[3]]
    older = first.link("next")
    assert older is not None
    assert (await api.get(path, query=older)).ids == [posts[2], posts[1]]
    assert (await api.get(path, query={"limit": "2", "min_id": posts[0]})).ids == [posts[2], posts[1]]
    assert (await api.get(path, query={"since_id": posts[2]}, as_=bob)).ids == [posts[4], posts[3]]
    assert (await api.get(path.upper().replace("/API/V1/TIMELINES/TAG", "/api/v1/timelines/tag"))).ids[0] == posts[4]
    for nothing in ({"remote": "true"}, {"only_media": "true"}):
        assert (await api.get(path, query=nothing)).ids == []
    assert (await api.get(path, query={"local": "true", "limit": "1"})).ids == [posts[4]]
    assert (await api.get("/api/v1/timelines/tag/not%20one")).ids == []


async def test_any_all_and_none(api: Api, alice: Person, tag: str) -> None:
    a, b, c = (f"{tag}{letter}" for letter in "abc")
    texts = [f"#{a}", f"#{b}", f"#{a} #{b}", f"#{a} #{b} #{c}", f"#{c}"]
    ids = [(await api.publish(alice, text))["id"] for text in texts]
    path = f"/api/v1/timelines/tag/{a}"

    async def found(**names: str) -> list[int]:
        query = [(f"{key}[]", name) for key, name in names.items()]
        return sorted(ids.index(id_) for id_ in (await api.get(path, query=query)).ids)

    assert await found() == [0, 2, 3]
    assert await found(any=b) == [0, 1, 2, 3]
    assert await found(all=b) == [2, 3]
    assert await found(none=b) == [0]
    assert await found(any=c, all=b, none=c) == [2]
    many = [("any[]", f"x{i}") for i in range(5)]
    assert (await api.get(path, query=many)).status == 422


async def test_following_a_hashtag(api: Api, alice: Person, bob: Person, tag: str) -> None:
    path = f"/api/v1/tags/{tag}"
    seen = await api.want("GET", path)
    assert set(seen) == {"id", "name", "url", "history"}
    assert (seen["name"], seen["url"].endswith(f"/tags/{tag}")) == (tag, True)
    assert (await api.want("GET", path, as_=bob))["following"] is False
    post = (await api.publish(alice, f"about #{tag}"))["id"]
    for _ in range(2):
        said = await api.want("POST", f"/api/v1/tags/{tag.upper()}/follow", as_=bob)
        assert (said["name"], said["following"], said["featuring"]) == (tag, True, False)
    assert (await api.want("GET", path, as_=bob))["following"] is True
    assert (await api.get("/api/v1/timelines/home", as_=bob)).ids == [post]
    for _ in range(2):
        assert (await api.want("POST", f"{path}/unfollow", as_=bob))["following"] is False
    assert (await api.get("/api/v1/timelines/home", as_=bob)).ids == []
    assert (await api.post(f"{path}/follow")).status == 401
    for name in ("no%20tag", "123", "x" * 101):
        assert (await api.post(f"/api/v1/tags/{name}/follow", as_=bob)).status == 404


async def test_followed_hashtags_are_paged_by_when_they_were_followed(api: Api, bob: Person, tag: str) -> None:
    names = [f"{tag}{i}" for i in range(3)]
    for name in names:
        await api.want("POST", f"/api/v1/tags/{name}/follow", as_=bob)
    first = await api.get("/api/v1/followed_tags", as_=bob, query={"limit": "2"})
    assert [each["name"] for each in first.json()] == [names[2], names[1]]
    older = first.link("next")
    assert older is not None
    rest = (await api.get("/api/v1/followed_tags", as_=bob, query=older)).json()
    assert [(each["name"], each["following"]) for each in rest] == [(names[0], True)]
