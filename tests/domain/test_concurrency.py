"""What people do to posts at the same moment: each happens once, wholly or not at all, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.notifications.model import NOTIFIED, UNDONE
from ripstop.domain.posts.actions import publish
from ripstop.domain.posts.draft import Draft
from ripstop.domain.posts.model import POST, POSTED, QUOTED_BY, REVISED, Post
from ripstop.kernel.errors import NotFound
from ripstop.machinery.graph import Entry
from tests.domain.house import House, Person
from tests.world import PATIENCE

AT_ONCE = 12


async def ask(
    house: House, method: str, path: str, who: Person, body: Mapping[str, object] | None = None, *, key: str = ""
) -> tuple[int, Any]:
    """The status and the JSON of whatever is answered, once the database has the time for it."""
    headers = {"idempotency-key": key} if key else {}
    async with asyncio.timeout(PATIENCE):
        while True:
            status, answer = await house.answer(method, path, token=who.token, form=body, headers=headers)
            if status != 503:
                return status, answer


async def sound(house: House) -> bool:
    """Whether all calls are worked off and the store finds no fault with itself: counts, inverses, versions."""
    await house.drain()
    return [fault async for fault in house.base.store.check()] == []


@pytest.mark.parametrize("kind", ["post", "answer", "quote"])
async def test_a_post_that_is_sent_several_times_is_there_once(house: House, kind: str) -> None:
    alice, bob = await house.people("alice", "bob")
    first = await alice.post("said")
    names = {"post": "status", "answer": "in_reply_to_id", "quote": "quoted_status_id"}
    form = {names[kind]: str(first), "status": f"@{alice.name} look"}
    answers = await asyncio.gather(
        *(ask(house, "POST", "/api/v1/statuses", bob, form, key="the same") for _ in range(AT_ONCE))
    )
    assert {code for code, _ in answers} == {200}
    [id_] = {answer["id"] for _, answer in answers}
    assert (await ask(house, "POST", "/api/v1/statuses", bob, form, key="the same"))[1]["id"] == id_
    assert await sound(house)
    assert [item["id"] for item in await bob.get(f"/api/v1/accounts/{bob.id}/statuses")] == [id_]
    shown = await alice.get(f"/api/v1/statuses/{first}")
    assert (shown["replies_count"], shown["quotes_count"]) == (int(kind == "answer"), int(kind == "quote"))
    assert [told["status"]["id"] for told in await alice.get("/api/v1/notifications")] == [id_]
    other = await ask(house, "POST", "/api/v1/statuses", bob, form, key="another")
    assert other[1]["id"] != id_


async def test_what_was_sent_is_answered_with_even_if_it_could_not_be_sent_any_more(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("said")
    for name in ("in_reply_to_id", "quoted_status_id"):
        form = {name: str(post), "status": "look"}
        made = await ask(house, "POST", "/api/v1/statuses", bob, form, key=name)
        closed = {"quote_approval_policy": "nobody", "reply_policy": "mentioned"}
        await ask(house, "PUT", f"/api/v1/statuses/{post}/interaction_policy", alice, closed)
        again = await ask(house, "POST", "/api/v1/statuses", bob, form, key=name)
        assert (again[0], again[1]["id"]) == (200, made[1]["id"])
        assert (await ask(house, "POST", "/api/v1/statuses", bob, form, key="another"))[0] == 403
        opened = {"quote_approval_policy": "public", "reply_policy": "everyone"}
        await ask(house, "PUT", f"/api/v1/statuses/{post}/interaction_policy", alice, opened)


async def test_of_edits_at_once_each_is_kept_once(house: House) -> None:
    [alice] = await house.people("alice")
    post = await alice.post("0")
    path = f"/api/v1/statuses/{post}"

    async def write(text: str) -> None:
        while (code := (await ask(house, "PUT", path, alice, {"status": text}))[0]) != 200:
            assert code == 409

    texts = [str(i) for i in range(1, AT_ONCE + 1)]
    await asyncio.gather(*(write(text) for text in texts))
    said = [each["content"] for each in await alice.get(f"{path}/history")]
    assert said[0] == "<p>0</p>"
    assert Counter(said[1:]) == Counter(f"<p>{text}</p>" for text in texts)
    shown = await alice.get(path)
    assert shown["content"] == said[-1]
    rows = await house.base.graph.range(post, REVISED, limit=50)
    assert len(rows) == len({row.target for row in rows}) == AT_ONCE
    assert await sound(house)


async def test_policies_and_texts_are_changed_at_once_and_none_is_lost(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("0")
    quoting = await bob.post("look", quoted_status_id=post)
    path = f"/api/v1/statuses/{quoting}"

    async def write(text: str) -> None:
        while (code := (await ask(house, "PUT", path, bob, {"status": text}))[0]) != 200:
            assert code == 409

    async def close() -> None:
        form = {"quote_approval_policy": "nobody", "reply_policy": "mentioned"}
        assert (await ask(house, "PUT", f"{path}/interaction_policy", bob, form))[0] == 200

    async def revoke() -> None:
        revocation = f"/api/v1/statuses/{post}/quotes/{quoting}/revoke"
        while (code := (await ask(house, "POST", revocation, alice))[0]) != 200:
            assert code == 409

    await asyncio.gather(*(write(str(i)) for i in range(4)), close(), revoke())
    shown = await bob.get(path)
    assert shown["quote"] == {"state": "revoked", "quoted_status": None}
    assert (shown["quote_approval"]["automatic"], shown["reply_policy"]) == ([], "mentioned")
    assert len(await bob.get(f"{path}/history")) == 5
    assert (await alice.get(f"/api/v1/statuses/{post}"))["quotes_count"] == 0
    assert await sound(house)


async def test_a_quote_is_revoked_once(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("said")
    for _ in range(4):
        quoting = await bob.post("look", quoted_status_id=post)
        path = f"/api/v1/statuses/{post}/quotes/{quoting}/revoke"
        codes = await asyncio.gather(
            *(ask(house, "POST", path, alice) for _ in range(3)),
            ask(house, "DELETE", f"/api/v1/statuses/{quoting}", bob),
        )
        assert codes[-1][0] == 200
        assert sorted(code for code, _ in codes[:-1]) in ([200, 404, 404], [404, 404, 404])
    assert (await alice.get(f"/api/v1/statuses/{post}"))["quotes_count"] == 0
    assert await sound(house)
    assert await alice.get("/api/v1/notifications") == []


async def test_what_is_deleted_during_its_fan_out_is_nowhere(house: House) -> None:
    alice, bob, carol = await house.people("alice", "bob", "carol")
    fans = await house.people(*(f"fan{i}" for i in range(6)))
    for fan in fans:
        await fan.follow(bob)
        await fan.get("/api/v1/timelines/home")  # so that there is a list to be pushed to
    quoted = await alice.post("said")
    await house.drain()
    posts = [
        await bob.post(f"@{carol.name} look #there", quoted_status_id=quoted, in_reply_to_id=quoted) for _ in range(6)
    ]
    for i, fan in enumerate(fans):
        await fan.do(f"/api/v1/statuses/{posts[i]}/favourite")
        await fan.do(f"/api/v1/statuses/{posts[i]}/reblog")
        await fan.post("look", quoted_status_id=posts[i])
    # The worker is at the fan-out, the notifications, and the likes, while all of it goes.
    deletions = [ask(house, "DELETE", f"/api/v1/statuses/{post}", bob) for post in posts]
    _, *deleted = await asyncio.gather(house.drain(), *deletions)
    assert [code for code, _ in deleted] == [200] * len(posts)
    assert await sound(house)
    gone = {str(post) for post in posts}
    pages = ("timelines/home", "timelines/tag/there", "favourites", "notifications")
    for who, path in itertools.product((alice, bob, carol, *fans), pages):
        seen = msgspec.json.encode(await who.get(f"/api/v1/{path}")).decode()
        assert not [id_ for id_ in gone if f'"id":"{id_}"' in seen]
    for who in (alice, carol):
        rows = await house.base.graph.range(who.id, NOTIFIED, limit=100)
        assert [row for row in rows if not row.flags & UNDONE] == []
    shown = await alice.get(f"/api/v1/statuses/{quoted}")
    assert (shown["replies_count"], shown["quotes_count"]) == (0, 0)
    for fan in fans:
        assert len(await house.base.graph.range(fan.id, POSTED, limit=9)) == 1  # the quote, and no repost
        [own] = await fan.get(f"/api/v1/accounts/{fan.id}/statuses")
        assert own["quote"]["state"] == "deleted"


async def test_what_is_quoted_as_it_is_deleted_is_not_shown(house: House) -> None:
    alice, bob = await house.people("alice", "bob")
    for who in (bob, alice):
        post = await alice.post("a secret word")
        form = {"status": "look", "quoted_status_id": str(post)}
        deletion, *quotes = await asyncio.gather(
            ask(house, "DELETE", f"/api/v1/statuses/{post}", alice),
            *(ask(house, "POST", "/api/v1/statuses", who, form) for _ in range(AT_ONCE)),
        )
        assert deletion[0] == 200
        made = [answer["id"] for code, answer in quotes if code == 200]
        assert {code for code, _ in quotes} <= {200, 404}
        for id_ in made:
            assert (await who.get(f"/api/v1/statuses/{id_}"))["quote"] == {"state": "deleted", "quoted_status": None}
        assert (await ask(house, "POST", "/api/v1/statuses", who, form))[0] == 404
        rows = await house.base.graph.range(post, QUOTED_BY, limit=50)
        assert {str(row.target) for row in rows} == set(made)
        assert await sound(house)


async def test_what_was_deleted_since_it_was_looked_at_is_not_quoted_by_its_author(house: House) -> None:
    """An own post and its quote live in one shard, so the batch of the quote finds out."""
    graph = house.base.graph
    alice, bob = await house.people("alice", "bob")
    post = await alice.post("said")
    entry = await graph.get(POST, post)
    assert entry is not None
    await house.ask("DELETE", f"/api/v1/statuses/{post}", token=alice.token)

    async def quote(who: Person) -> Entry[Post] | int:
        author = await graph.get(ACCOUNT, who.id)
        assert author is not None
        draft = Draft(text="look", visibility="public")
        return await publish(
            graph, author, draft, parent=None, quoted=entry, application=None, key=None, origin="http://x", domain="x"
        )

    with pytest.raises(NotFound):
        await quote(alice)
    made = await quote(bob)
    assert isinstance(made, Entry)
    assert (await bob.get(f"/api/v1/statuses/{made.id}"))["quote"] == {"state": "deleted", "quoted_status": None}
    assert await alice.get(f"/api/v1/accounts/{alice.id}/statuses") == []
