"""What people did with the older version, and what must be true of it ever after.

Speaks the client API with a client of its own, since the older version's answers are not those described today.
"""

from __future__ import annotations

import signal
import time
from typing import Any

import httpx
import msgspec
import psutil

from tests.server import PATIENCE, Server

PASSWORD = "a long enough secret"
NAMES = ("alice", "bob", "carol", "dora", "emil")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was acknowledged. People by name, posts by what they are."""

    tokens: dict[str, str]
    ids: dict[str, str]
    posts: dict[str, str]
    list: str
    counts: dict[str, tuple[int, int, int]]
    """By name: followers, following, posts."""


class Town:
    """Some people on a server, who speak one after the other."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=PATIENCE)
        self.tokens: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.posts: dict[str, str] = {}

    def close(self) -> None:
        self._client.close()

    def on(self, url: str) -> Town:
        """The same people, on another server of the same store."""
        other = Town(url)
        other.tokens, other.ids, other.posts = self.tokens, self.ids, self.posts
        return other

    def ask(self, who: str | None, method: str, path: str, *, key: str = "", **form: str) -> Any:
        """The JSON of an answer that must be a good one; a server that has too much to do is asked again.

        It may have done what was asked, and then had too much to do to tell of it: `key` is an Idempotency-Key.
        """
        headers = {} if who is None else {"authorization": f"Bearer {self.tokens.get(who, who)}"}
        if key:
            headers["idempotency-key"] = key
        deadline = time.monotonic() + PATIENCE
        answer = self._client.request(method, path, data=form or None, headers=headers)
        while answer.status_code == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
            answer = self._client.request(method, path, data=form or None, headers=headers)
            if method == "DELETE" and answer.status_code == 404:
                return None
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def publish(self, who: str, key: str, status: str, **fields: str) -> str:
        """A post, remembered under a key; its id."""
        self.posts[key] = str(self.ask(who, "POST", "/api/v1/statuses", key=key, status=status, **fields)["id"])
        return self.posts[key]

    def sign_up(self, name: str, app_token: str) -> None:
        form = {
            "username": name, "email": f"{name}@example.org", "password": PASSWORD, "agreement": "true", "locale": "en",
        }  # fmt: skip
        self.tokens[name] = self.ask(app_token, "POST", "/api/v1/accounts", **form)["access_token"]
        self.ids[name] = self.ask(name, "GET", "/api/v1/accounts/verify_credentials")["id"]

    def app_token(self) -> str:
        app = self.ask(
            None, "POST", "/api/v1/apps", client_name="town", redirect_uris="urn:ietf:wg:oauth:2.0:oob",
            scopes="read write follow",
        )  # fmt: skip
        return str(
            self.ask(
                None, "POST", "/oauth/token", grant_type="client_credentials", client_id=app["client_id"],
                client_secret=app["client_secret"], scope="read write follow",
            )["access_token"]
        )  # fmt: skip

    def follow(self, who: str, whom: str) -> None:
        self.ask(who, "POST", f"/api/v1/accounts/{self.ids[whom]}/follow")

    def act(self, who: str, post: str, verb: str) -> None:
        """Do something with a post."""
        self.ask(who, "POST", f"/api/v1/statuses/{self.posts[post]}/{verb}")

    def live(self, server: Server) -> Told:
        """All of it. At the end the worker stands still, so that what follows from the last acts is left to be done."""
        app_token = self.app_token()
        for name in NAMES[:-1]:
            self.sign_up(name, app_token)
        self.ask("alice", "PATCH", "/api/v1/accounts/update_credentials", indexable="true", display_name="Alice A.")
        self.ask("dora", "PATCH", "/api/v1/accounts/update_credentials", locked="true")
        for who, whom in (("alice", "bob"), ("bob", "alice"), ("carol", "alice"), ("carol", "bob"), ("bob", "dora")):
            self.follow(who, whom)
        for name in NAMES[:3]:
            self.ask(name, "GET", "/api/v1/timelines/home")
        list_ = self._write(server)
        for name in NAMES[:3]:
            self.ask(name, "GET", "/api/v1/timelines/home")
        self._leave_undone(server, app_token)
        return Told(
            tokens=self.tokens, ids=self.ids, posts=self.posts, list=list_, counts={n: self._counts(n) for n in NAMES}
        )

    def _write(self, server: Server) -> str:
        root = self.publish("alice", "root", "A first word about #lighthouses for everybody.")
        answer = self.publish("bob", "answer", "@alice and a second one", in_reply_to_id=root)
        self.publish("carol", "third", "@bob and a third", in_reply_to_id=answer)
        self.publish("alice", "followers", "For those who follow me", visibility="private")
        self.publish("bob", "direct", "@alice between us", visibility="direct")
        self.publish("carol", "hidden", "What happens in the end", spoiler_text="the end", language="de")
        gone = self.publish("bob", "gone", "Nobody shall read this")
        self.ask("bob", "DELETE", f"/api/v1/statuses/{gone}")
        self.ask("alice", "PUT", f"/api/v1/statuses/{root}", status="A first word about #lighthouses, said better.")
        for who in ("bob", "carol"):
            self.act(who, "root", "favourite")
        self.act("carol", "root", "reblog")
        self.act("bob", "third", "bookmark")
        self.ask("carol", "POST", f"/api/v1/accounts/{self.ids['dora']}/block")
        self.ask("alice", "POST", f"/api/v1/accounts/{self.ids['dora']}/mute")
        list_ = str(self.ask("alice", "POST", "/api/v1/lists", title="Two of us")["id"])
        self.ask("alice", "POST", f"/api/v1/lists/{list_}/accounts", **{"account_ids[]": self.ids["bob"]})
        return list_

    def _leave_undone(self, server: Server, app_token: str) -> None:
        """A post that is in nobody's home yet, a like that nobody was told of, a password that is not hashed yet."""
        psutil.Process(server.children()["rip-worker-0"]).send_signal(signal.SIGSTOP)
        self.sign_up("emil", app_token)
        self.follow("emil", "alice")
        self.publish("alice", "late", "@bob written at the last moment")
        self.act("bob", "late", "favourite")

    def _counts(self, name: str) -> tuple[int, int, int]:
        account = self.ask(name, "GET", "/api/v1/accounts/verify_credentials")
        return account["followers_count"], account["following_count"], account["statuses_count"]
