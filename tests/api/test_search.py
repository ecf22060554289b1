"""Finding accounts, hashtags and posts."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.api.client import Api, Person

SEARCH = "/api/v2/search"


async def find(api: Api, kind: str, q: str, *, as_: Person | None = None, **query: str) -> list[Any]:
    """What is found of one kind; the other kinds are found nothing of."""
    found = await api.want("GET", SEARCH, as_=as_, query={"q": q, "type": kind, **query})
    assert set(found) == {"accounts", "statuses", "hashtags"}
    assert all(not found[other] for other in found if other != kind)
    return list(found[kind])


async def usernames(api: Api, q: str, *, as_: Person | None = None, **query: str) -> list[str]:
    return [account["username"] for account in await find(api, "accounts", q, as_=as_, **query)]


async def consent(api: Api, who: Person, *, indexable: bool = True) -> None:
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=who, json={"indexable": indexable})


async def posts(api: Api, q: str, *, as_: Person, **query: str) -> list[str]:
    await api.drained()
    return [status["id"] for status in await find(api, "statuses", q, as_=as_, **query)]


async def test_accounts_are_found_by_the_beginning_of_their_names(api: Api, alice: Person, bob: Person) -> None:
    stem = f"zoe{secrets.token_hex(3)}"
    people = sorted([await api.person(f"{stem}{letter}") for letter in "abc"], key=lambda person: person.username)
    names = [person.username for person in people]
    assert await usernames(api, stem) == names
    assert await usernames(api, f"@{stem.upper()}", as_=alice) == names
    assert await usernames(api, stem, as_=alice, limit="2") == names[:2]
    assert await usernames(api, stem, as_=alice, offset="1") == names[1:]
    assert await usernames(api, f"@{names[1]}@127.0.0.1", as_=alice) in ([], [names[1]])
    assert await usernames(api, f"{stem}x") == []
    assert await usernames(api, "%") == []
    await api.follow(alice, people[2])
    assert await usernames(api, stem, as_=alice, following="true") == [names[2]]
    assert (await api.get("/api/v1/accounts/search", as_=alice, query={"q": stem})).ids == [p.id for p in people]
    assert (await api.get("/api/v1/accounts/search", query={"q": stem})).status == 401
    await api.want("POST", f"/api/v1/accounts/{people[0].id}/block", as_=alice)
    await api.want("POST", f"/api/v1/accounts/{alice.id}/block", as_=people[1])
    assert await usernames(api, stem, as_=alice) == [names[2]]
    assert await usernames(api, names[0], as_=alice) == [names[0]], "clients unblock whom they find by the whole name"
    assert await usernames(api, names[1], as_=alice) == []
    assert await usernames(api, stem, as_=people[1]) == names


async def test_an_account_and_a_post_are_found_by_their_address(api: Api, alice: Person, bob: Person) -> None:
    public = await api.publish(alice, "here")
    direct = await api.publish(alice, "not here", visibility="direct")
    account = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    query = {"q": public["url"], "resolve": "true"}
    assert [one["id"] for one in (await api.want("GET", SEARCH, as_=bob, query=query))["statuses"]] == [public["id"]]
    query = {"q": account["url"], "resolve": "true"}
    assert [one["id"] for one in (await api.want("GET", SEARCH, as_=bob, query=query))["accounts"]] == [alice.id]
    for address in (direct["url"], account["url"] + "/17", account["url"] + "/9999999999999999999"):
        found = await api.want("GET", SEARCH, as_=bob, query={"q": address})
        assert found == {"accounts": [], "statuses": [], "hashtags": []}
    assert (await api.get(SEARCH, query=query)).status == 401


async def test_hashtags_are_found_by_their_beginning(api: Api, alice: Person) -> None:
    stem = f"tag{secrets.token_hex(3)}"
    await api.publish(alice, f"#{stem}B and #{stem}a and again #{stem}a")
    assert [tag["name"] for tag in await find(api, "hashtags", stem, as_=alice)] == [f"{stem}a", f"{stem}b"], "at once"
    await api.publish(alice, f"#{stem}c unseen", visibility="private")
    await api.drained()
    assert [tag["name"] for tag in await find(api, "hashtags", f"#{stem}")] == [f"{stem}a", f"{stem}b"]
    assert [tag["name"] for tag in await find(api, "hashtags", f"{stem}b")] == [f"{stem}b"]
    assert await find(api, "hashtags", "two words") == []
    [tag] = await find(api, "hashtags", f"{stem}a")
    assert tag["url"].endswith(f"/tags/{stem}a")
    assert "following" not in tag
    await api.want("POST", f"/api/v1/tags/{stem}a/follow", as_=alice)
    found = await find(api, "hashtags", stem, as_=alice)
    assert [(tag["following"], tag["featuring"]) for tag in found] == [(True, False), (False, False)]


async def test_posts_are_found_by_consent(api: Api, alice: Person, bob: Person) -> None:
    word = f"w{secrets.token_hex(4)}"
    before = await api.publish(alice, f"{word} before")
    assert await posts(api, word, as_=bob) == []
    await consent(api, alice)
    assert await posts(api, word, as_=bob) == [before["id"]]
    after = await api.publish(alice, f"{word} after", spoiler_text="careful")
    for visibility in ("unlisted", "private", "direct"):
        await api.publish(alice, f"{word} {visibility}", visibility=visibility)
    await api.publish(bob, f"{word} by somebody who was not asked")
    assert await posts(api, word, as_=bob) == [after["id"], before["id"]]
    assert await posts(api, f"careful {word.upper()}", as_=bob) == [after["id"]]
    assert await posts(api, word, as_=bob, account_id=bob.id) == []
    assert await posts(api, f"{word} from:{alice.username}", as_=bob) == [after["id"], before["id"]]
    assert await posts(api, f"from:me {word}", as_=bob) == []
    assert await posts(api, f"from:\x07nobody {word}", as_=bob) == []
    assert await posts(api, f"\x07{word}", as_=bob) == await posts(api, word, as_=bob)
    assert await posts(api, word, as_=bob, limit="1", offset="1") == [before["id"]]
    assert await posts(api, word, as_=bob, min_id=before["id"]) == [after["id"]]
    assert await posts(api, word, as_=bob, max_id=after["id"], min_id="1") == [before["id"]]
    assert (await api.want("GET", SEARCH, query={"q": word}))["statuses"] == []
    await api.want("DELETE", f"/api/v1/statuses/{after['id']}", as_=alice)
    assert await posts(api, word, as_=bob) == [before["id"]]
    await consent(api, alice, indexable=False)
    assert await find(api, "statuses", word, as_=bob) == []
    await consent(api, alice)
    assert await posts(api, word, as_=bob) == [before["id"]]


@pytest.mark.parametrize(("verb", "by_author"), [("block", True), ("block", False), ("mute", False)])
async def test_search_keeps_to_the_rules_of_viewing(
    api: Api, alice: Person, bob: Person, verb: str, by_author: bool
) -> None:
    word = f"w{secrets.token_hex(4)}"
    await consent(api, alice)
    await api.publish(alice, word)
    assert len(await posts(api, word, as_=bob)) == 1
    who, whom = (alice, bob) if by_author else (bob, alice)
    await api.want("POST", f"/api/v1/accounts/{whom.id}/{verb}", as_=who)
    assert await posts(api, word, as_=bob) == []


async def test_notes(api: Api, alice: Person, bob: Person) -> None:
    path = f"/api/v1/accounts/{bob.id}/note"
    said = await api.want("POST", path, as_=alice, form={"comment": "met at a fair"})
    assert said["note"] == "met at a fair"
    query = {"id[]": bob.id}
    assert await api.want("GET", "/api/v1/accounts/relationships", as_=alice, query=query) == [said]
    [back] = await api.want("GET", "/api/v1/accounts/relationships", as_=bob, query={"id[]": alice.id})
    assert back["note"] == ""
    assert (await api.post(path, as_=alice, form={"comment": "x" * 2_001})).status == 422
    assert (await api.want("POST", path, as_=alice))["note"] == ""
    assert (await api.want("GET", "/api/v1/accounts/relationships", as_=alice, query=query))[0]["note"] == ""


async def test_familiar_followers(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    star, shy = await api.person("star"), await api.person("shy")
    for who, whom in ((alice, bob), (alice, shy), (bob, star), (carol, star), (shy, star), (bob, carol)):
        await api.follow(who, whom)
    await api.want("PATCH", "/api/v1/accounts/update_credentials", as_=shy, json={"hide_collections": True})
    path = "/api/v1/accounts/familiar_followers"
    query = [("id[]", star.id), ("id[]", carol.id), ("id[]", alice.id)]
    found = await api.want("GET", path, as_=alice, query=query)
    assert [(one["id"], [account["id"] for account in one["accounts"]]) for one in found] == [
        (star.id, [bob.id]),
        (carol.id, [bob.id]),
        (alice.id, []),
    ]
    assert await api.want("GET", path, as_=alice, json={"id": [star.id, carol.id, alice.id]}) == found
    for empty in ("featured_tags", "endorsements"):
        assert await api.want("GET", f"/api/v1/accounts/{star.id}/{empty}") == []


async def test_an_edited_post_is_found_by_what_it_says_now(api: Api, alice: Person, bob: Person) -> None:
    await consent(api, alice)
    before, after = f"w{secrets.token_hex(6)}", f"w{secrets.token_hex(6)}"
    post = await api.publish(alice, f"about {before}")
    assert await posts(api, before, as_=bob) == [post["id"]]
    form = {"status": f"about {after} #{after}"}
    await api.want("PUT", f"/api/v1/statuses/{post['id']}", as_=alice, form=form)
    assert await posts(api, before, as_=bob) == []
    assert await posts(api, after, as_=bob) == [post["id"]]
    assert [tag["name"] for tag in await find(api, "hashtags", after)] == [after]
