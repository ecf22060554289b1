"""Mastodon.py: notifications, conversations, markers, streams."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.mastodon_py import Client, Join
from tests.clients.quiet import quietly
from tests.server import PATIENCE

with quietly():
    from mastodon import StreamListener

covers = pytest.mark.covers
Drained = Callable[[], None]


@covers("notifications", "notifications_unread_count", "notifications_dismiss", "notifications_clear")
def test_notifications(ann: Client, ben: Client, drained: Drained) -> None:
    post = ann.status_post("something good")
    ben.account_follow(ann.me())
    ben.status_favourite(post)
    ben.status_reblog(post)
    ben.status_reply(post, "yes")
    drained()
    assert {one["type"] for one in ann.notifications()} == {"follow", "favourite", "reblog", "mention"}
    assert [one["type"] for one in ann.notifications(types=["mention"])] == ["mention"]
    assert ann.notifications_unread_count()["count"] == 4
    [liked] = ann.notifications(types=["favourite"], account_id=ben.me())
    assert ann.notifications(id=liked)["status"]["id"] == post["id"]
    ann.notifications_dismiss(liked)
    assert len(ann.notifications(exclude_types=["follow"])) == 2
    ann.notifications_clear()
    assert ann.notifications() == []


@covers(
    "grouped_notifications",
    "grouped_notification",
    "grouped_notification_accounts",
    "unread_grouped_notifications_count",
    "dismiss_grouped_notification",
)
def test_grouped_notifications(join: Join, ann: Client, ben: Client, drained: Drained) -> None:
    cat = join("cat")
    post = ann.status_post("something good")
    for reader in (ben, cat):
        reader.status_favourite(post)
    ben.account_follow(ann.me())
    drained()
    found = ann.grouped_notifications(grouped_types=["favourite"])
    groups = {group["type"]: group for group in found["notification_groups"]}
    assert groups["favourite"]["notifications_count"] == 2
    assert {one["id"] for one in found["accounts"]} == {ben.me()["id"], cat.me()["id"]}
    assert ann.unread_grouped_notifications_count() == 2
    key = groups["favourite"]["group_key"]
    assert [one["id"] for one in ann.grouped_notification(key)["statuses"]] == [post["id"]]
    assert len(ann.grouped_notification_accounts(key)) == 2
    ann.dismiss_grouped_notification(key)
    assert [group["type"] for group in ann.grouped_notifications()["notification_groups"]] == ["follow"]


@covers(
    "notifications_policy",
    "update_notifications_policy",
    "notification_requests",
    "notification_request",
    "accept_notification_request",
    "dismiss_notification_request",
    "accept_multiple_notification_requests",
    "dismiss_multiple_notification_requests",
    "notifications_merged",
)
def test_the_policy_and_requests(join: Join, ann: Client, drained: Drained) -> None:
    assert ann.notifications_policy()["for_not_following"] == "accept"
    assert ann.update_notifications_policy(for_not_following="filter")["for_not_following"] == "filter"
    strangers = [join(f"stranger{number}") for number in range(4)]
    for stranger in strangers:
        stranger.status_post(f"@{ann.me()['acct']} hello")
    drained()
    assert ann.notifications() == []
    by_account = {one["account"]["id"]: one for one in ann.notification_requests()}
    first, second, third, fourth = (by_account[stranger.me()["id"]] for stranger in strangers)
    assert ann.notification_request(first)["notifications_count"] == "1"
    ann.accept_notification_request(first)
    ann.dismiss_notification_request(second)
    ann.accept_multiple_notification_requests([third])
    ann.dismiss_multiple_notification_requests([fourth])
    drained()
    assert ann.notifications_merged()
    assert {one["account"]["id"] for one in ann.notifications()} == {first["account"]["id"], third["account"]["id"]}
    assert ann.notification_requests() == []


@covers("conversations", "conversations_read")
def test_conversations(ann: Client, ben: Client, drained: Drained) -> None:
    post = ben.status_post(f"@{ann.me()['acct']} just for you", visibility="direct")
    drained()
    [conversation] = ann.conversations()
    assert (conversation["unread"], conversation["last_status"]["id"]) == (True, post["id"])
    assert [one["id"] for one in conversation["accounts"]] == [ben.me()["id"]]
    assert not ann.conversations_read(conversation)["unread"]


@covers("markers_get", "markers_set")
def test_markers(ann: Client) -> None:
    assert ann.markers_get() == {}
    assert ann.markers_set("home", 17)["home"]["last_read_id"] == "17"
    assert ann.markers_set("notifications", 18)["notifications"]["version"] >= 1
    assert ann.markers_get(["home"])["home"]["last_read_id"] == "17"


class Heard(StreamListener):
    """What a stream told, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._begun = threading.Event()

    def on_any_event(self, name: str, data: Any = None, for_stream: Any = None) -> None:
        self._events.put((name, data))

    def handle_heartbeat(self) -> None:
        self._begun.set()

    def wait_for_beginning(self) -> None:
        """Return once the server says that it listens for us, which it does first of all."""
        assert self._begun.wait(PATIENCE)

    def next(self, event: str) -> Any:
        """What the next event of this name is about."""
        while True:
            name, about = self._events.get(timeout=PATIENCE)
            if name == event:
                return about

    def any(self) -> bool:
        """Whether there is something, or soon will be."""
        try:
            self._events.put(self._events.get(timeout=0.2))
        except queue.Empty:
            return False
        return True


def let_go(handles: list[Any]) -> None:
    """Close streams, without waiting until each has been sent something more, as the library does."""
    for handle in handles:
        threading.Thread(target=handle.close, daemon=True).start()


@covers("stream_user", "stream_user_notifications", "stream_public", "stream_local", "stream_hashtag", "stream_healthy")
def test_streams(ann: Client, ben: Client) -> None:
    ann.account_follow(ben.me())
    streams = {
        "user": ann.stream_user,
        "notifications": ann.stream_user_notifications,
        "public": ann.stream_public,
        "local": ann.stream_local,
    }
    heard = {name: Heard() for name in (*streams, "hashtag")}
    handles = [stream(heard[name], run_async=True) for name, stream in streams.items()]
    handles.append(ann.stream_hashtag("streams", heard["hashtag"], run_async=True))
    assert ann.stream_healthy()
    try:
        for one in heard.values():
            one.wait_for_beginning()
        post = ben.status_post("live #streams")
        for name in ("user", "public", "local", "hashtag"):
            assert heard[name].next("update")["id"] == post["id"]
        ben.status_update(post, "live and better #streams")
        assert "better" in heard["user"].next("status.update")["content"]
        own = ann.status_post("like me")
        ben.status_favourite(own)
        for name in ("user", "notifications"):
            assert heard[name].next("notification")["type"] == "favourite"
        ann.create_filter_v2("Words", ["home"], "warn")
        heard["user"].next("filters_changed")
        ben.status_delete(post)
        assert str(heard["user"].next("delete")) == str(post["id"])
    finally:
        let_go(handles)


@covers("stream_list", "stream_direct")
def test_streams_of_lists_and_conversations(ann: Client, ben: Client) -> None:
    ann.account_follow(ben.me())
    friends = ann.list_create("Friends")
    ann.list_accounts_add(friends, [ben.me()])
    listed, direct = Heard(), Heard()
    handles = [
        ann.stream_list(friends, listed, run_async=True),
        ann.stream_direct(direct, run_async=True),
    ]
    try:
        for one in (listed, direct):
            one.wait_for_beginning()
        post = ben.status_post("to my friends")
        assert listed.next("update")["id"] == post["id"]
        said = ben.status_post(f"@{ann.me()['acct']} just for you", visibility="direct")
        assert direct.next("conversation")["last_status"]["id"] == said["id"]
    finally:
        let_go(handles)


@covers("stream_open_websocket")
def test_many_streams_over_one_socket(ann: Client, ben: Client) -> None:
    heard = Heard()
    socket = ann.stream_open_websocket(heard)
    try:
        ann.stream_user(heard, websocket_handle=socket)
        ann.stream_user_notifications(heard, websocket_handle=socket)
        posts = [ann.status_post("over a socket")["id"]]
        while not heard.any():  # nothing tells when the server has begun to listen
            posts.append(ann.status_post("and again")["id"])
        assert heard.next("update")["id"] in posts
        ben.status_favourite(posts[0])
        assert heard.next("notification")["type"] == "favourite"
    finally:
        socket.close()
