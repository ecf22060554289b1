"""Filters, and what they do to what is read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Api, Person

V1, V2 = "/api/v1/filters", "/api/v2/filters"
EVERYWHERE = ["home", "notifications", "public", "thread", "account"]


async def a_filter(api: Api, who: Person, *words: str, action: str = "warn", **changes: object) -> dict[str, Any]:
    keywords = [{"keyword": word, "whole_word": True} for word in words]
    form = {"title": "no", "context": EVERYWHERE, "filter_action": action, "keywords_attributes": keywords, **changes}
    return dict(await api.want("POST", V2, as_=who, json=form))


async def test_a_filter_is_made_changed_and_deleted(api: Api, alice: Person, bob: Person) -> None:
    made = await a_filter(api, alice, "Cats", "dogs", context=["home"], expires_in=3_600)
    assert set(made) == {"id", "title", "context", "expires_at", "filter_action", "keywords", "statuses"}
    assert (made["title"], made["context"], made["filter_action"], made["statuses"]) == ("no", ["home"], "warn", [])
    cats, dogs = made["keywords"]
    assert cats == {"id": cats["id"], "keyword": "Cats", "whole_word": True}
    path = f"{V2}/{made['id']}"
    form = [
        ("context[]", "public"),
        ("filter_action", "hide"),
        ("expires_in", ""),
        ("keywords_attributes[0][id]", cats["id"]),
        ("keywords_attributes[0][whole_word]", "false"),
        ("keywords_attributes[1][id]", dogs["id"]),
        ("keywords_attributes[1][_destroy]", "1"),
        ("keywords_attributes[2][keyword]", "birds"),
    ]
    changed = await api.want("PUT", path, as_=alice, form=form)
    assert (changed["context"], changed["filter_action"], changed["expires_at"]) == (["public"], "hide", None)
    assert [(one["keyword"], one["whole_word"]) for one in changed["keywords"]] == [("Cats", False), ("birds", True)]
    assert changed["keywords"][0]["id"] == cats["id"]
    assert await api.want("GET", V2, as_=alice) == [changed] == [await api.want("GET", path, as_=alice)]
    for method in ("GET", "PUT", "DELETE"):
        assert (await api.ask(method, path, as_=bob)).status == 404
    assert await api.want("DELETE", path, as_=alice) == {}
    assert (await api.get(path, as_=alice)).status == 404
    assert (await api.get(V2, as_=alice)).ids == []
    assert (await api.get(V2)).status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"context": []},
        {"context": ["elsewhere"]},
        {"filter_action": "shout"},
        {"keywords_attributes": [{"keyword": " "}]},
        {"keywords_attributes": "nonsense"},
        {"expires_in": -1},
        {"expires_in": "soon"},
    ],
)
async def test_a_bad_filter_is_refused(api: Api, alice: Person, changes: dict[str, object]) -> None:
    answer = await api.post(V2, as_=alice, json={"title": "x", "context": ["home"], **changes})
    assert answer.status == 422
    assert (await api.get(V2, as_=alice)).ids == []


async def test_keywords_and_posts_one_by_one(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(bob, "hello")
    hidden = await api.publish(bob, "not for alice", visibility="private")
    path = f"{V2}/{(await a_filter(api, alice))['id']}"
    keyword = await api.want("POST", f"{path}/keywords", as_=alice, form={"keyword": "cats", "whole_word": "0"})
    named = await api.want("POST", f"{path}/statuses", as_=alice, form={"status_id": post["id"]})
    assert await api.want("POST", f"{path}/statuses", as_=alice, form={"status_id": post["id"]}) == named
    assert (await api.post(f"{path}/statuses", as_=alice, form={"status_id": hidden["id"]})).status == 404
    assert await api.want("GET", f"{path}/keywords", as_=alice) == [keyword]
    assert await api.want("GET", f"{path}/statuses", as_=alice) == [named]
    one_keyword, one_post = f"{V2}/keywords/{keyword['id']}", f"{V2}/statuses/{named['id']}"
    assert await api.want("GET", one_post, as_=alice) == named == {"id": named["id"], "status_id": post["id"]}
    changed = await api.want("PUT", one_keyword, as_=alice, form={"keyword": "birds"})
    assert changed == {"id": keyword["id"], "keyword": "birds", "whole_word": False}
    assert await api.want("GET", one_keyword, as_=alice) == changed
    for wrong in (f"{V2}/keywords/{named['id']}", f"{V2}/statuses/{keyword['id']}"):
        assert (await api.get(wrong, as_=alice)).status == 404
    assert (await api.get(one_keyword, as_=bob)).status == 404
    for at in (one_keyword, one_post):
        await api.want("DELETE", at, as_=alice)
        assert (await api.get(at, as_=alice)).status == 404
    odd = await api.want("POST", f"{path}/keywords", as_=alice, json={"keyword": "a\x07b\U0001f600"})
    assert odd["keyword"] == "ab\U0001f600"
    await api.want("DELETE", f"{V2}/keywords/{odd['id']}", as_=alice)
    left = await api.want("GET", path, as_=alice)
    assert (left["keywords"], left["statuses"]) == ([], [])


@pytest.mark.parametrize(
    ("keyword", "whole_word", "text", "found"),
    [
        ("cat", True, "The CAT sat", True),
        ("cat", True, "concatenate", False),
        ("cat", False, "concatenate", True),
        ("#cat", True, "a #cat.", True),
        ("c++", True, "in C++ and", True),
        ("two words", True, "say two words", True),
        ("cat", True, "dog", False),
    ],
)
async def test_what_a_keyword_matches(
    api: Api, alice: Person, bob: Person, keyword: str, whole_word: bool, text: str, found: bool
) -> None:
    keywords = [{"keyword": keyword, "whole_word": whole_word}]
    made = await a_filter(api, alice, keywords_attributes=keywords)
    post = await api.publish(bob, text)
    seen = await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=alice)
    short = {name: made[name] for name in ("id", "title", "context", "expires_at", "filter_action")}
    expected = [{"filter": short, "keyword_matches": [keyword], "status_matches": None}] if found else []
    assert seen["filtered"] == expected
    assert (await api.want("GET", f"/api/v1/statuses/{post['id']}", as_=bob))["filtered"] == []
    assert "filtered" not in await api.want("GET", f"/api/v1/statuses/{post['id']}")


async def test_a_filter_warns_in_lists_and_of_single_posts(api: Api, alice: Person, bob: Person) -> None:
    await api.follow(alice, bob)
    own = await api.publish(alice, "my cats")
    warned = await api.publish(bob, "nothing", spoiler_text="cats")
    named = await api.publish(bob, "named")
    made = await a_filter(api, alice, "cats")
    await api.want("POST", f"{V2}/{made['id']}/statuses", as_=alice, form={"status_id": named["id"]})
    home = {one["id"]: one["filtered"] for one in await api.want("GET", "/api/v1/timelines/home", as_=alice)}
    assert home[own["id"]] == []
    assert [one["keyword_matches"] for one in home[warned["id"]]] == [["cats"]]
    assert [one["status_matches"] for one in home[named["id"]]] == [[named["id"]]]
    await api.want("DELETE", f"{V2}/{made['id']}", as_=alice)
    home = {one["id"]: one["filtered"] for one in await api.want("GET", "/api/v1/timelines/home", as_=alice)}
    assert list(home.values()) == [[], [], []]


LISTS = {
    "home": "/api/v1/timelines/home",
    "public": "/api/v1/timelines/public?local=true",
    "account": "/api/v1/accounts/{bob}/statuses",
}


@pytest.mark.parametrize("context", EVERYWHERE)
async def test_what_is_to_be_hidden_is_left_out_where_it_applies(
    api: Api, alice: Person, bob: Person, carol: Person, context: str
) -> None:
    await api.follow(alice, bob)
    await api.follow(alice, carol)
    parent = await api.publish(alice, "parent")
    loud = await api.publish(bob, f"@{alice.username} cats", in_reply_to_id=parent["id"])
    plain = await api.publish(bob, "cats again")
    passed_on = await api.want("POST", f"/api/v1/statuses/{plain['id']}/reblog", as_=carol)
    await api.drained()

    async def seen() -> dict[str, bool]:
        """Where any of these posts is shown to alice."""
        found = {}
        for name, path in LISTS.items():
            ids = (await api.get(path.format(bob=bob.id), as_=alice)).ids
            found[name] = bool({loud["id"], plain["id"], passed_on["id"]} & set(ids))
        thread = await api.want("GET", f"/api/v1/statuses/{parent['id']}/context", as_=alice)
        found["thread"] = bool(thread["descendants"])
        told = await api.want("GET", "/api/v1/notifications", as_=alice)
        found["notifications"] = bool(told)
        return found

    assert await seen() == dict.fromkeys(EVERYWHERE, True)
    made = await a_filter(api, alice, "cats", action="hide", context=[context])
    assert await seen() == {name: name != context for name in EVERYWHERE}
    assert (await api.get(f"/api/v1/statuses/{loud['id']}", as_=alice)).status == 200
    await api.want("PUT", f"{V2}/{made['id']}", as_=alice, json={"filter_action": "warn"})
    assert await seen() == dict.fromkeys(EVERYWHERE, True)


async def test_version_1_speaks_of_the_same_keywords(api: Api, alice: Person) -> None:
    form = [("phrase", "cats"), ("context[]", "home"), ("irreversible", "true"), ("whole_word", "false")]
    old = await api.want("POST", V1, as_=alice, form=form)
    expected = {"phrase": "cats", "context": ["home"], "whole_word": False, "expires_at": None, "irreversible": True}
    assert old == {"id": old["id"], **expected}
    [new] = await api.want("GET", V2, as_=alice)
    assert (new["title"], new["filter_action"]) == ("cats", "hide")
    assert new["keywords"] == [{"id": old["id"], "keyword": "cats", "whole_word": False}]
    path = f"{V1}/{old['id']}"
    changed = await api.want("PUT", path, as_=alice, form={"phrase": "dogs", "irreversible": "false"})
    assert (changed["phrase"], changed["irreversible"], changed["context"]) == ("dogs", False, ["home"])
    assert await api.want("GET", path, as_=alice) == changed
    await api.want("POST", f"{V2}/{new['id']}/keywords", as_=alice, form={"keyword": "birds"})
    assert [one["phrase"] for one in await api.want("GET", V1, as_=alice)] == ["dogs", "birds"]
    assert (await api.ask("PUT", path, as_=alice, form={"irreversible": "true"})).status == 422
    for one in await api.want("GET", V1, as_=alice):
        await api.want("DELETE", f"{V1}/{one['id']}", as_=alice)
    assert await api.want("GET", V2, as_=alice) == []
    assert (await api.post(V1, as_=alice, form={"phrase": "x"})).status == 422
