"""Muting a thread: nobody is told any more of what happens in it."""

from __future__ import annotations

from tests.api.client import Api, Person


async def told(api: Api, who: Person) -> list[tuple[str, str]]:
    """Kind and post of what a person was told, the oldest first."""
    await api.drained()
    found = await api.want("GET", "/api/v1/notifications", as_=who)
    return [(one["type"], one["status"]["id"]) for one in reversed(found)]


async def test_who_mutes_a_thread_is_not_told_of_it(api: Api, alice: Person, bob: Person, carol: Person) -> None:
    root = (await api.publish(alice, "root"))["id"]
    first = (await api.publish(bob, f"@{alice.username} first", in_reply_to_id=root))["id"]
    assert await told(api, alice) == [("mention", first)]
    said = await api.want("POST", f"/api/v1/statuses/{first}/mute", as_=alice)
    assert (said["id"], said["muted"]) == (first, True)
    text = f"@{alice.username} @{bob.username} second"
    second = (await api.publish(carol, text, in_reply_to_id=first))["id"]
    for verb in ("favourite", "reblog"):
        await api.want("POST", f"/api/v1/statuses/{root}/{verb}", as_=carol)
    elsewhere = (await api.publish(carol, f"@{alice.username} elsewhere"))["id"]
    await api.want("PUT", f"/api/v1/statuses/{elsewhere}", as_=carol, form={"status": f"@{alice.username} here"})
    assert await told(api, alice) == [("mention", first), ("mention", elsewhere)]
    assert await told(api, bob) == [("mention", second)]
    for _ in range(2):
        said = await api.want("POST", f"/api/v1/statuses/{root}/unmute", as_=alice)
        assert said["muted"] is False
    await api.want("POST", f"/api/v1/statuses/{root}/favourite", as_=bob)
    assert (await told(api, alice))[2:] == [("favourite", root)]


async def test_every_post_of_the_thread_is_marked_for_who_muted_it(api: Api, alice: Person, bob: Person) -> None:
    root = (await api.publish(alice, "root"))["id"]
    answer = (await api.publish(bob, "answer", in_reply_to_id=root))["id"]
    other = (await api.publish(alice, "another"))["id"]
    await api.want("POST", f"/api/v1/statuses/{answer}/mute", as_=alice)
    late = await api.publish(alice, "late", in_reply_to_id=answer)
    assert late["muted"] is True
    for id_, muted in ((root, True), (answer, True), (late["id"], True), (other, False)):
        assert (await api.want("GET", f"/api/v1/statuses/{id_}", as_=alice))["muted"] is muted
        assert (await api.want("GET", f"/api/v1/statuses/{id_}", as_=bob))["muted"] is False
    assert late["id"] in (await api.get("/api/v1/timelines/home", as_=alice)).ids
    direct = (await api.publish(bob, "not for alice", visibility="direct"))["id"]
    assert (await api.post(f"/api/v1/statuses/{direct}/mute", as_=alice)).status == 404
