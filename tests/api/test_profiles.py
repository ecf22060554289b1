"""What profiles show off, people to be found without a name, and blocked servers."""

from __future__ import annotations

import pytest

from tests.api.client import Api, Person
from tests.api.test_follows import relationship

FEATURED = "/api/v1/featured_tags"
DOMAINS = "/api/v1/domain_blocks"


# Hashtags


async def test_hashtags_on_a_profile_are_counted_and_removed(api: Api, alice: Person, bob: Person) -> None:
    for text in ("one #Garden", "two #garden #sea", "three"):
        await api.publish(alice, text)
    await api.publish(alice, "for few #garden", visibility="private")
    made = await api.want("POST", FEATURED, as_=alice, form={"name": "#Garden"})
    assert set(made) == {"id", "name", "url", "statuses_count", "last_status_at"}
    assert (made["name"], made["statuses_count"]) == ("garden", "2")
    assert made["last_status_at"]
    unused = await api.want("POST", FEATURED, as_=alice, json={"name": "unused"})
    assert (unused["statuses_count"], unused["last_status_at"]) == ("0", None)
    assert await api.want("POST", FEATURED, as_=alice, form={"name": "garden"}) == made
    for path, who in ((FEATURED, alice), (f"/api/v1/accounts/{alice.id}/featured_tags", bob)):
        assert await api.want("GET", path, as_=who) == [unused, made]
    assert await api.want("GET", FEATURED, as_=bob) == []
    assert (await api.delete(f"{FEATURED}/{made['id']}", as_=bob)).status == 404
    assert await api.want("DELETE", f"{FEATURED}/{made['id']}", as_=alice) == {}
    assert (await api.delete(f"{FEATURED}/{made['id']}", as_=alice)).status == 404
    assert await api.want("GET", FEATURED, as_=alice) == [unused]


async def test_hashtags_are_featured_by_name_too_and_suggested_by_use(api: Api, alice: Person) -> None:
    for text in ("#often", "#often #seldom", "#often #shown"):
        await api.publish(alice, text)
    assert (await api.want("POST", "/api/v1/tags/Shown/feature", as_=alice))["featuring"] is True
    assert (await api.want("GET", "/api/v1/tags/shown", as_=alice))["featuring"] is True
    suggested = await api.want("GET", f"{FEATURED}/suggestions", as_=alice)
    assert [tag["name"] for tag in suggested] == ["often", "seldom"]
    assert (await api.want("POST", "/api/v1/tags/shown/unfeature", as_=alice))["featuring"] is False
    assert await api.want("GET", FEATURED, as_=alice) == []


async def test_at_most_ten_hashtags_are_shown(api: Api, alice: Person) -> None:
    for number in range(10):
        await api.want("POST", FEATURED, as_=alice, form={"name": f"tag{number}"})
    assert (await api.post(FEATURED, as_=alice, form={"name": "tag10"})).status == 422
    await api.want("POST", FEATURED, as_=alice, form={"name": "tag9"})
    assert len(await api.want("GET", FEATURED, as_=alice)) == 10
    for wrong in ("", "no hashtag", "#", "x" * 300):
        assert (await api.post(FEATURED, as_=alice, form={"name": wrong})).status == 422


# Endorsements


@pytest.mark.parametrize(("begin", "end"), [("pin", "unpin"), ("endorse", "unendorse")])
async def test_who_is_followed_can_be_recommended(api: Api, alice: Person, bob: Person, begin: str, end: str) -> None:
    path = f"/api/v1/accounts/{bob.id}"
    assert (await api.post(f"{path}/{begin}", as_=alice)).status == 422
    await api.follow(alice, bob)
    for _ in range(2):
        assert (await api.want("POST", f"{path}/{begin}", as_=alice))["endorsed"] is True
    assert (await relationship(api, alice, bob))["endorsed"] is True
    for shown, who in (("/api/v1/endorsements", alice), (f"/api/v1/accounts/{alice.id}/endorsements", bob)):
        assert (await api.get(shown, as_=who)).ids == [bob.id]
    for _ in range(2):
        assert (await api.want("POST", f"{path}/{end}", as_=alice))["endorsed"] is False
    assert (await api.get("/api/v1/endorsements", as_=alice)).ids == []


async def test_unfollowing_ends_the_recommendation(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(alice, bob)
    await api.want("POST", f"/api/v1/accounts/{bob.id}/endorse", as_=alice)
    ended = await api.want("POST", f"/api/v1/accounts/{bob.id}/unfollow", as_=alice)
    assert ended["endorsed"] is False
    await api.follow(alice, bob)
    assert (await relationship(api, alice, bob))["endorsed"] is False
    assert (await api.get("/api/v1/endorsements", as_=alice)).ids == []


# The directory and suggestions


async def agree(api: Api, who: Person, *, discoverable: bool = True) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=who, json={"discoverable": discoverable})


async def test_the_directory_holds_those_who_agreed(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    for who in (alice, bob):
        await agree(api, who)
    assert (await api.get("/api/v1/directory?order=new&limit=2")).ids == [bob.id, alice.id]
    assert (await api.get("/api/v1/directory?order=new&limit=1&offset=1&local=true")).ids == [alice.id]
    await api.publish(alice, "hello")
    assert (await api.get("/api/v1/directory?limit=80")).ids.index(alice.id) == 0
    assert carol.id not in (await api.get("/api/v1/directory?limit=80")).ids
    await api.want("POST", f"/api/v1/accounts/{bob.id}/block", as_=carol)
    assert bob.id not in (await api.get("/api/v1/directory?limit=80", as_=carol)).ids
    await agree(api, alice, discoverable=False)
    assert alice.id not in (await api.get("/api/v1/directory?limit=80")).ids
    assert (await api.get("/api/v1/directory?order=whatever")).status == 422


async def test_friends_of_friends_are_suggested(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    dora = await api.person("dora")
    for who in (carol, dora):
        await agree(api, who)
        await api.follow(bob, who)
    await api.follow(alice, bob)
    found = await api.want("GET", "/api/v2/suggestions", as_=alice)
    by_friends = [one["account"]["id"] for one in found if one["sources"] == ["friends_of_friends"]]
    assert set(by_friends) == {carol.id, dora.id}
    assert {one["source"] for one in found} <= {"past_interactions", "staff"}
    assert (await api.get("/api/v1/suggestions?limit=2", as_=alice)).ids == by_friends
    assert await api.want("DELETE", f"/api/v1/suggestions/{carol.id}", as_=alice) == {}
    await api.follow(alice, dora)
    left = (await api.get("/api/v1/suggestions", as_=alice)).ids
    assert not {alice.id, bob.id, carol.id, dora.id} & set(left)


# Servers


async def test_blocked_servers_are_kept(api: Api, alice: Person, bob: Person) -> None:
    await api.want("POST", DOMAINS, as_=alice, form={"domain": "Remote.Example"})
    await api.want("POST", DOMAINS, as_=alice, json={"domain": "other.example"})
    await api.want("POST", DOMAINS, as_=alice, json={"domain": "remote.example"})
    assert await api.want("GET", DOMAINS, as_=alice) == ["other.example", "remote.example"]
    assert await api.want("GET", DOMAINS, as_=bob) == []
    assert await api.want("DELETE", DOMAINS, as_=alice, form={"domain": "remote.example"}) == {}
    assert await api.want("DELETE", DOMAINS, as_=alice, query={"domain": "never.example"}) == {}
    assert await api.want("GET", DOMAINS, as_=alice) == ["other.example"]
    for wrong in ("", "no domain", "http://x.example/path", "x" * 300 + ".example", "localhost"):
        assert (await api.post(DOMAINS, as_=alice, form={"domain": wrong})).status == 422
