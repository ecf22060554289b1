"""Editing posts over the API."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.client import Api, Person


async def test_an_edit_changes_the_post_and_keeps_what_it_said(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "first #one", language="en", sensitive="true")
    path = f"/api/v1/statuses/{post['id']}"
    await api.want("POST", f"{path}/favourite", as_=bob)
    form = {"status": f"second #two @{bob.username}", "spoiler_text": "careful"}
    said = await api.want("PUT", path, as_=alice, form=form)
    assert set(said) == set(post)
    assert (said["id"], said["created_at"], said["language"]) == (post["id"], post["created_at"], "en")
    assert (said["spoiler_text"], said["sensitive"], said["favourites_count"]) == ("careful", True, 1)
    assert [tag["name"] for tag in said["tags"]] == ["two"]
    assert [mention["id"] for mention in said["mentions"]] == [bob.id]
    assert said["edited_at"] > post["created_at"]
    assert await api.want("GET", path, as_=alice) == said
    third = await api.want("PUT", path, as_=alice, json={"status": "third", "language": "de"})
    assert (third["spoiler_text"], third["sensitive"], third["language"]) == ("", False, "de")
    assert await api.want("GET", f"{path}/source", as_=alice) == {
        "id": post["id"], "text": "third", "spoiler_text": "",
    }  # fmt: skip
    revisions = await api.want("GET", f"{path}/history", as_=bob)
    keys = {"account", "content", "spoiler_text", "sensitive", "created_at", "media_attachments", "emojis"}
    assert {frozenset(each) for each in revisions} == {frozenset(keys)}
    assert [each["content"] for each in revisions] == [post["content"], said["content"], third["content"]]
    assert [each["created_at"] for each in revisions] == [post["created_at"], said["edited_at"], third["edited_at"]]
    assert [each["sensitive"] for each in revisions] == [True, True, False]
    assert revisions[0]["account"]["id"] == alice.id


async def test_the_history_of_what_was_never_edited_is_what_it_says(api: Api, alice: Person) -> None:
    post = await api.publish(alice, "only this")
    path = f"/api/v1/statuses/{post['id']}"
    same = await api.want("PUT", path, as_=alice, form={"status": "only this"})
    assert same["edited_at"] is None
    [said] = await api.want("GET", f"{path}/history")
    assert (said["content"], said["created_at"]) == (post["content"], post["created_at"])


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"status": " "},
        {"status": "x" * 501},
        {"status": "x" * 490, "spoiler_text": "y" * 11},
        {"status": "x", "language": "no language"},
        {"status": "x", "media_ids[]": "1"},
    ],
)
async def test_what_may_not_be_published_is_no_edit_either(api: Api, alice: Person, form: dict[str, str]) -> None:
    post = await api.publish(alice, "as it was")
    path = f"/api/v1/statuses/{post['id']}"
    assert (await api.ask("PUT", path, as_=alice, form=form)).status == 422
    assert await api.want("GET", path, as_=alice) == post


async def test_only_the_author_edits(api: Api, alice: Person, bob: Person) -> None:
    post = await api.publish(alice, "mine")
    path = f"/api/v1/statuses/{post['id']}"
    private = await api.publish(alice, "mine alone", visibility="private")
    assert (await api.ask("PUT", path, as_=bob, form={"status": "yours"})).status == 404
    assert (await api.ask("PUT", path, form={"status": "yours"})).status == 401
    assert (await api.get(f"{path}/source", as_=bob)).status == 404
    assert (await api.get(f"/api/v1/statuses/{private['id']}/history", as_=bob)).status == 404
    assert (await api.want("GET", path, as_=alice))["content"] == post["content"]


async def test_of_edits_at_once_each_is_made_or_refused(api: Api, alice: Person) -> None:
    post = await api.publish(alice, "0")
    path = f"/api/v1/statuses/{post['id']}"
    answers = await asyncio.gather(*(api.ask("PUT", path, as_=alice, form={"status": str(i)}) for i in range(1, 17)))
    made = [answer.json()["content"] for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} <= {200, 409}
    said = [each["content"] for each in await api.want("GET", f"{path}/history", as_=alice)]
    assert said[0] == post["content"]
    assert len(said) == len(made) + 1
    assert set(made) <= set(said[1:])  # whoever was followed by another is shown that one


async def test_the_same_edit_sent_twice_is_one(api: Api, alice: Person) -> None:
    post = await api.publish(alice, "before")
    path = f"/api/v1/statuses/{post['id']}"
    answers = await asyncio.gather(*(api.ask("PUT", path, as_=alice, form={"status": "after"}) for _ in range(16)))
    assert {(answer.status, answer.json()["content"]) for answer in answers} == {(200, "<p>after</p>")}
    assert len(await api.want("GET", f"{path}/history", as_=alice)) == 2


async def test_a_post_that_is_edited_and_deleted_at_once_is_gone(api: Api, alice: Person) -> None:
    for number in range(8):
        post = await api.publish(alice, "before #kept")
        path = f"/api/v1/statuses/{post['id']}"
        edited, deleted = await asyncio.gather(
            api.ask("PUT", path, as_=alice, form={"status": f"after #other{number}"}), api.delete(path, as_=alice)
        )
        assert (edited.status in (200, 404), deleted.status) == (True, 200)
        assert (await api.get(path, as_=alice)).status == 404
        assert (await api.get(f"/api/v1/timelines/tag/other{number}")).ids == []
