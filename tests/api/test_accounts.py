"""Profiles, and who follows whom."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.client import Api, Person

ACCOUNT_KEYS = {
    "id", "username", "acct", "display_name", "locked", "bot", "discoverable", "indexable", "group", "created_at",
    "note", "url", "uri", "avatar", "avatar_static", "avatar_description", "header", "header_static",
    "header_description", "followers_count", "following_count", "statuses_count", "last_status_at",
    "hide_collections", "noindex", "moved", "emojis", "roles", "fields",
}  # fmt: skip


async def test_an_account_has_every_key(api: Api, alice: Person) -> None:
    account = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    assert set(account) == ACCOUNT_KEYS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00\.000Z", account["created_at"])
    assert account["url"].endswith(f"/@{alice.username}")
    assert (await api.get(account["avatar"].partition("127.0.0.1")[2].partition("/")[2].join(["/", ""]))).status == 200


async def test_accounts_are_found_by_id_and_by_handle(api: Api, alice: Person, bob: Person) -> None:
    listed = await api.get("/api/v1/accounts", query=[("id[]", bob.id), ("id[]", "17"), ("id[]", alice.id)])
    assert listed.ids == [bob.id, alice.id]
    for handle in (alice.username, f"@{alice.username}", alice.username.upper()):
        assert (await api.want("GET", "/api/v1/accounts/lookup", query={"acct": handle}))["id"] == alice.id
    for handle in ("", "nobody_at_all", f"{alice.username}@elsewhere.example", "@", "x" * 5_000):
        assert (await api.get("/api/v1/accounts/lookup", query={"acct": handle})).status == 404
    for id_ in ("17", "0", "nonsense", "9" * 19, "9" * 30, "-1"):
        assert (await api.get(f"/api/v1/accounts/{id_}")).status == 404


async def test_a_profile_can_be_changed(api: Api, alice: Person) -> None:
    form = {
        "display_name": "Alice <A>",
        "note": "I like #cats & https://example.org\nbye",
        "bot": "true",
        "discoverable": "1",
        "fields_attributes[0][name]": "site",
        "fields_attributes[0][value]": "https://alice.example",
        "fields_attributes[1][name]": "",
        "fields_attributes[1][value]": "",
        "source[privacy]": "unlisted",
        "source[sensitive]": "true",
        "source[language]": "de",
    }
    own = await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form=form)
    assert own["display_name"] == "Alice <A>"
    assert own["note"].startswith("<p>I like <a href=")
    assert "&amp; <a href=" in own["note"]
    assert own["note"].endswith("<br />bye</p>")
    assert own["bot"] is own["discoverable"] is True
    assert own["fields"][0]["name"] == "site"
    assert own["fields"][0]["value"].startswith('<a href="https://alice.example"')
    assert own["source"]["fields"] == [{"name": "site", "value": "https://alice.example", "verified_at": None}]
    assert own["source"]["note"] == form["note"]
    seen = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    assert seen["display_name"] == "Alice <A>"
    assert "source" not in seen
    post = await api.publish(alice, "with my defaults")
    assert (post["visibility"], post["sensitive"], post["language"]) == ("unlisted", True, "de")
    preferences = await api.want("GET", "/api/v1/preferences", as_=alice)
    assert preferences["posting:default:visibility"] == "unlisted"
    assert preferences["posting:default:language"] == "de"


async def test_what_is_absent_stays_and_fields_may_be_an_object(api: Api, alice: Person) -> None:
    path = "/api/v1/accounts/update_credentials"
    await api.want("PATCH", path, as_=alice, json={"note": "hello", "fields_attributes": {"0": {"name": "a"}}})
    own = await api.want("PATCH", path, as_=alice, json={"display_name": "Al", "locked": False})
    assert own["source"]["note"] == "hello"
    assert [field["name"] for field in own["fields"]] == ["a"]


SPELLINGS: dict[str, dict[str, object]] = {
    "locked": {"locked": True},
    "bot": {"bot": True},
    "discoverable": {"discoverable": True},
    "indexable": {"indexable": True},
    "hide_collections": {"hide_collections": True},
    "source.sensitive": {"source": {"sensitive": True}},
}


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_switch_is_set_in_every_spelling(api: Api, alice: Person, name: str) -> None:
    path = "/api/v1/accounts/update_credentials"
    outer, _, inner = name.partition(".")
    field = f"{outer}[{inner}]" if inner else name

    def shown(own: dict[str, Any]) -> bool:
        return bool(own["source"][inner] if inner else own[name])

    assert shown(await api.want("PATCH", path, as_=alice, json=SPELLINGS[name]))
    for off, on in (("false", "true"), ("0", "1"), ("off", "on"), ("f", "t"), ("False", "True")):
        assert not shown(await api.want("PATCH", path, as_=alice, form={field: off}))
        assert shown(await api.want("PATCH", path, as_=alice, form={field: on}))
    assert shown(await api.want("PATCH", path, as_=alice, form={field: ""}))


async def test_sites_that_name_one_as_their_author(api: Api, alice: Person) -> None:
    path = "/api/v1/accounts/update_credentials"
    form = [("attribution_domains[]", "https://Blog.example/"), ("attribution_domains[]", "news.example")]
    own = await api.want("PATCH", path, as_=alice, form=form)
    assert own["source"]["attribution_domains"] == ["blog.example", "news.example"]
    own = await api.want("PATCH", path, as_=alice, json={"note": "hello"})
    assert own["source"]["attribution_domains"] == ["blog.example", "news.example"]
    own = await api.want("PATCH", path, as_=alice, form=[("attribution_domains[]", "")])
    assert own["source"]["attribution_domains"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"attribution_domains": ["no site"]},
        {"attribution_domains": [f"{number}.example" for number in range(26)]},
        {"display_name": "x" * 31},
        {"note": "x" * 501},
        {"fields_attributes": [{"name": str(i), "value": "x"} for i in range(5)]},
        {"fields_attributes": [{"name": "", "value": "x"}]},
        {"fields_attributes": "nonsense"},
        {"fields_attributes": {"zero": {}}},
        {"source": {"privacy": "direct"}},
        {"source": {"language": "not a language"}},
        {"avatar": "data:image/png;base64,xxxx"},
        {"bot": "perhaps"},
        {"display_name": 7},
    ],
)
async def test_a_bad_profile_is_refused_and_changes_nothing(
    api: Api, alice: Person, changes: dict[str, object]
) -> None:
    before = await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice)
    answer = await api.ask("PATCH", "/api/v1/accounts/update_credentials", as_=alice, json=changes)
    assert answer.status == 422
    assert answer.json()["error"].startswith("Validation failed: ")
    assert await api.want("GET", "/api/v1/accounts/verify_credentials", as_=alice) == before


async def test_followers_and_following_are_paged_by_the_link_header(api: Api, alice: Person) -> None:
    crowd = [await api.person("fan") for _ in range(5)]
    for fan in crowd:
        await api.follow(fan, alice)
    newest_first = [fan.id for fan in reversed(crowd)]
    path = f"/api/v1/accounts/{alice.id}/followers"
    assert (await api.get(path)).ids == newest_first
    first = await api.get(path, query={"limit": "2"})
    assert first.ids == newest_first[:2]
    older = first.link("next")
    assert older is not None
    second = await api.get(path, query=older)
    assert second.ids == newest_first[2:4]
    newer = second.link("prev")
    assert newer is not None
    assert (await api.get(path, query=newer)).ids == newest_first[:2]
    assert (await api.get(f"/api/v1/accounts/{crowd[0].id}/following")).ids == [alice.id]
    assert (await api.get("/api/v1/accounts/17/followers")).status == 404
    counts = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    assert counts["followers_count"] == 5


async def test_collections_can_be_hidden(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(bob, alice)
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=alice, form={"hide_collections": "true"})
    assert (await api.get(f"/api/v1/accounts/{alice.id}/followers", as_=bob)).ids == []
    assert (await api.get(f"/api/v1/accounts/{alice.id}/followers", as_=alice)).ids == [bob.id]
