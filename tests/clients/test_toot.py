"""toot, the program of the command line: its whole command set."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients.covering import covered, expanded
from tests.clients.mastodon_py import Join
from tests.clients.not_ours import TOOT_LOCAL, TOOT_REFUSED, names
from tests.clients.toot import Toot, commands
from tests.pictures import photograph

covers = pytest.mark.covers
Drained = Callable[[], None]


@pytest.fixture
def ann(join: Join, tmp_path: Path, used: set[str]) -> Toot:
    return Toot(tmp_path / "ann", join("ann"), used)


@pytest.fixture
def ben(join: Join, tmp_path: Path, used: set[str]) -> Toot:
    return Toot(tmp_path / "ben", join("ben"), used)


def name_of(toot: Toot) -> str:
    return str(toot.who.me()["acct"])


def post(toot: Toot, *arguments: str) -> str:
    """The id of a new post."""
    time.sleep(0.002)  # within one millisecond, ids of several shards do not sort by time
    return str(toot.json("post", *arguments)["id"])


def ids(posts: list[dict[str, str]]) -> list[str]:
    return [one["id"] for one in posts]


def test_every_command_is_in_one_table() -> None:
    ours = (covered("test_toot") | covered("test_logging_in")) & commands()
    rest = expanded(names(TOOT_REFUSED, TOOT_LOCAL))
    assert rest <= commands(), "commands and options that are gone"
    assert commands() - ours - rest == set(), "commands and options of which nothing is said"
    assert {name for name in ours & rest if "--" in name} == set(), "options in two tables"


@covers("auth", "activate", "whoami", "whois", "diag --server --files", "logout")
def test_who_one_is(ann: Toot, ben: Toot) -> None:
    assert ann.handle in ann.run("auth")
    assert name_of(ann) in ann.run("whoami")
    assert name_of(ben) in ann.run("whois", name_of(ben))
    assert ann.json("whois", f"@{name_of(ben)}")["acct"] == name_of(ben)
    assert "ripstop" in ann.run("diag", "-f", "-s").lower()
    assert "activated" in ann.run("activate", ann.handle)
    assert "logged out" in ann.run("logout", ann.handle)


@covers("instance", "search --type --limit --offset --min-id --max-id --resolve")
def test_looking_around(ann: Toot, ben: Toot, drained: Drained) -> None:
    assert "Ripstop" in ann.run("instance")
    assert ann.json("instance")["uri"] == urlsplit(ann.server).netloc
    word = f"w{secrets.token_hex(4)}"
    posts = [post(ann, f"{word} {number} #{word}") for number in range(3)]
    ann.who.account_update_credentials(indexable=True)
    drained()
    assert f"#{word}" in ben.run("search", f"#{word}", "--type", "hashtags")
    assert f"@{name_of(ann)}" in ben.run("search", name_of(ann), "--resolve")
    assert ids(ben.json("search", word, "--type", "statuses")["statuses"]) == posts[::-1]
    assert ids(ben.json("search", word, "-t", "statuses", "-l", "1", "-o", "1")["statuses"]) == [posts[1]]
    found = ben.json("search", word, "-t", "statuses", "--min-id", posts[0], "--max-id", posts[2])["statuses"]
    assert ids(found) == [posts[1]]


@covers(
    "post --visibility --sensitive --spoiler-text --language --reply-to --reply-last --using",
    "post --editor --content-type",
    "status",
    "thread",
    "delete",
)
def test_posting(ann: Toot, ben: Toot, drained: Drained) -> None:
    assert re.search(r"Toot posted: http://\S+/\d+", ann.run("post", "plain"))
    for visibility in ("public", "unlisted", "private", "direct"):
        assert ann.json("post", "to whom?", "--visibility", visibility)["visibility"] == visibility
    first = ann.json("post", "see", "--sensitive", "--spoiler-text", "a plot", "--language", "de")
    assert (first["sensitive"], first["spoiler_text"], first["language"]) == (True, "a plot", "de")
    answer = post(ben, "an answer", "--reply-to", first["id"])
    assert ben.json("post", "and more", "--reply-last")["in_reply_to_id"] == answer
    assert ann.json("post", "as myself", "--using", ann.handle, "--editor", "false")["account"]["acct"] == name_of(ann)
    assert "*plain*" in ann.json("post", "*plain*", "--content-type", "text/markdown")["content"], "all text is plain"
    assert "an answer" in ann.run("thread", first["id"])
    assert len(ann.json("thread", first["id"])["descendants"]) == 2
    assert "see" in ben.run("status", first["id"])
    assert ben.json("status", first["id"])["url"] == first["url"]
    assert "deleted" in ann.run("delete", first["id"])
    assert "not found" in ben.refused("status", first["id"])
    assert "500" in ann.refused("post", "x" * 501)


@covers("post --media --description --thumbnail", "upload --description")
def test_pictures(ann: Toot, tmp_path: Path) -> None:
    files = []
    for number in range(2):
        files.append(tmp_path / f"{number}.jpg")
        files[-1].write_bytes(photograph(64, 48))
    one, two = map(str, files)
    made = ann.json(
        "post", "two of them", "--media", one, "--description", "the first", "--thumbnail", two, "--media", two
    )
    assert [media["description"] for media in made["media_attachments"]] == ["the first", None]
    assert ann.json("upload", one, "--description", "alone")["description"] == "alone"


@covers(
    "favourite",
    "unfavourite",
    "reblog --visibility",
    "status",
    "unreblog",
    "reblogged-by",
    "bookmark",
    "unbookmark",
    "bookmarks --count",
    "pin",
    "unpin",
    "timelines favourites --min-id --max-id --since-id --limit",
)
def test_what_readers_do(ann: Toot, ben: Toot) -> None:
    id_ = post(ann, "something good")
    assert "favourited" in ben.run("favourite", ann.json("status", id_)["url"])
    assert ids(ben.json("timelines", "favourites", "--limit", "5")) == [id_]
    later = ["--min-id", "1", "--since-id", "1", "--max-id", str(2**62)]
    assert ids(ben.json("timelines", "favourites", *later)) == [id_]
    assert "unfavourited" in ben.run("unfavourite", id_)
    assert "reblogged" in ben.run("reblog", id_, "--visibility", "unlisted")
    assert name_of(ben) in ann.run("reblogged-by", id_)
    assert "unreblogged" in ben.run("unreblog", id_)
    assert "bookmarked" in ben.run("bookmark", id_)
    assert "something good" in ben.run("bookmarks", "--once", "--count", "5")
    assert "unbookmarked" in ben.run("unbookmark", id_)
    assert "pinned" in ann.run("pin", id_)
    assert "unpinned" in ann.run("unpin", id_)


@covers("follow", "unfollow", "followers", "following", "block", "unblock", "blocked", "mute", "unmute", "muted")
def test_other_people(ann: Toot, ben: Toot) -> None:
    him = name_of(ben)
    assert "following" in ann.run("follow", him)
    assert [one["acct"] for one in ann.json("following")] == [him]
    assert [one["acct"] for one in ben.json("followers", him)] == [name_of(ann)]
    assert "no longer following" in ann.run("unfollow", him)
    for done, undone, list_ in (("mute", "unmute", "muted"), ("block", "unblock", "blocked")):
        ann.run(done, him)
        assert him in ann.run(list_)
        ann.run(undone, him)
        assert ann.json(list_) == []
    assert "Account not found" in ann.refused("follow", f"nobody_{secrets.token_hex(4)}")


@covers("follow-requests list", "follow-requests accept", "follow-requests reject")
def test_follow_requests(ann: Toot, ben: Toot, join: Join, tmp_path: Path, used: set[str]) -> None:
    cat = Toot(tmp_path / "cat", join("cat"), used)
    ann.run("update-account", "--locked")
    for toot in (ben, cat):
        toot.run("follow", name_of(ann))
    assert len(ann.json("follow-requests", "list")) == 2
    ann.run("follow-requests", "accept", name_of(ben))
    ann.run("follow-requests", "reject", name_of(cat))
    assert ann.json("follow-requests", "list") == []
    assert [one["acct"] for one in ann.json("followers", name_of(ann))] == [name_of(ben)]


@covers(
    "lists list",
    "lists create --replies-policy",
    "lists add --id",
    "lists accounts --id",
    "lists remove --id",
    "lists delete --id",
    "timelines list --min-id --max-id --since-id --limit",
)
def test_lists(ann: Toot, ben: Toot) -> None:
    him = name_of(ben)
    ann.run("follow", him)
    made = ann.json("lists", "create", "Friends", "--replies-policy", "none")
    ann.run("lists", "create", "Others")
    assert "Friends" in ann.run("lists", "list")
    ann.run("lists", "add", "Friends", him)
    assert him in ann.run("lists", "accounts", "Friends")
    posts = [post(ben, text) for text in "abcd"]
    assert ids(ann.json("timelines", "list", "Friends", "--limit", "2")) == posts[:1:-1]
    assert ids(ann.json("timelines", "list", made["id"], "--min-id", posts[0], "--max-id", posts[2])) == [posts[1]]
    assert ids(ann.json("timelines", "list", "Friends", "--since-id", posts[2])) == [posts[3]]
    ann.run("lists", "remove", "Friends", him)
    ann.run("lists", "add", "--id", made["id"], "", him)
    ann.run("lists", "remove", "--id", made["id"], "", him)
    assert ann.json("lists", "accounts", "--id", made["id"]) == []
    ann.run("lists", "delete", "--id", made["id"])
    ann.run("lists", "delete", "Others")
    assert ann.json("lists", "list") == []


@covers("tags follow", "tags unfollow", "tags followed", "tags info")
@covers("tags feature", "tags unfeature", "tags featured")
def test_tags(ann: Toot, drained: Drained) -> None:
    name = f"tag{secrets.token_hex(4)}"
    ann.run("post", f"of #{name}")
    drained()
    assert ann.json("tags", "followed") == []
    ann.run("tags", "follow", name)
    assert name in ann.run("tags", "followed")
    assert ann.json("tags", "info", name)["following"] is True
    ann.run("tags", "unfollow", name)
    assert ann.json("tags", "followed") == []
    assert ann.json("tags", "feature", name)["name"] == name
    assert f"#{name}" in ann.run("tags", "featured")
    ann.run("tags", "unfeature", name)
    assert ann.json("tags", "featured") == []


@covers(
    "timelines home --min-id --max-id --since-id --limit",
    "timelines account --min-id --max-id --since-id --limit",
    "timelines public --min-id --max-id --since-id --limit --instance --local --remote --only-media",
    "timelines tag --min-id --max-id --since-id --limit --instance --local --remote --only-media --any --all --none",
)
def test_timelines(ann: Toot, ben: Toot) -> None:
    tag = f"tag{secrets.token_hex(4)}"
    ann.run("follow", name_of(ben))
    posts = [post(ben, f"{text} #{tag} #{tag}{text}") for text in "abcd"]
    own_server = ann.server
    for timeline in (["home"], ["account", name_of(ben)], ["public", "--local"], ["tag", tag, "--local"]):
        show = ["timelines", *timeline]
        assert ids(ann.json(*show, "--limit", "2")) == posts[:1:-1], timeline
        assert ids(ann.json(*show, "--min-id", posts[0], "--max-id", posts[2])) == [posts[1]]
        assert ids(ann.json(*show, "--since-id", posts[2])) == [posts[3]]
        assert f"a #{tag}" in ann.run(*show, "--no-pager", "--no-clear")
    for timeline in (["public"], ["tag", tag]):
        show = ["timelines", *timeline]
        assert posts[3] in ids(ann.json(*show, "--instance", own_server, "--limit", "4"))
        assert posts[3] not in ids(ann.json(*show, "--only-media"))
        assert ann.json(*show, "--remote") == []
    show = ["timelines", "tag", tag]
    assert len(ann.json(*show, "--any", f"{tag}x")) == 4
    assert ids(ann.json(*show, "--all", f"{tag}b")) == [posts[1]]
    assert ids(ann.json(*show, "--none", f"{tag}d")) == posts[2::-1]


@covers("timeline --instance --account --list --tag --public --local --count")
def test_the_old_timeline(ann: Toot, ben: Toot) -> None:
    tag = f"tag{secrets.token_hex(4)}"
    ann.run("follow", name_of(ben))
    ann.run("lists", "create", "Friends")
    ann.run("lists", "add", "Friends", name_of(ben))
    post(ben, f"of #{tag}")
    own_server = ann.server
    for which in (
        [],
        ["--account", name_of(ben)],
        ["--list", "Friends"],
        ["--tag", tag, "--local"],
        ["--public", "--instance", own_server],
    ):
        assert f"of #{tag}" in ann.run("timeline", "--once", "--count", "5", *which)
    assert f"of #{tag}" in ann.run("timeline", "--count", "1", "--reverse", "--public", given="n\n")


@covers("notifications --type --exclude-type --mentions --clear")
def test_notifications(ann: Toot, ben: Toot, drained: Drained) -> None:
    id_ = post(ann, "something good")
    ben.run("follow", name_of(ann))
    ben.run("favourite", id_)
    ben.run("post", f"@{name_of(ann)} hello")
    drained()
    assert "now follows you" in ann.run("notifications")
    assert {one["type"] for one in ann.json("notifications")} == {"follow", "favourite", "mention"}
    assert [one["type"] for one in ann.json("notifications", "--type", "favourite")] == ["favourite"]
    assert len(ann.json("notifications", "--exclude-type", "favourite")) == 2
    assert "hello" in ann.run("notifications", "--mentions", "--reverse")
    ann.run("notifications", "--clear")
    assert ann.json("notifications") == []


@covers(
    "update-account --display-name --note --avatar --header --bot --discoverable --locked",
    "update-account --privacy --sensitive --language",
)
def test_the_profile(ann: Toot, tmp_path: Path) -> None:
    file = tmp_path / "picture.jpg"
    file.write_bytes(photograph(300, 200))
    ann.run("update-account", "--display-name", "Ann", "--note", "I am", "--bot", "--discoverable", "--locked")
    ann.run("update-account", "--privacy", "unlisted", "--sensitive", "--language", "de")
    ann.run("update-account", "--avatar", str(file), "--header", str(file))
    own = ann.json("whoami")
    assert (own["display_name"], own["bot"], own["discoverable"], own["locked"]) == ("Ann", True, True, True)
    source = own["source"]
    assert (source["note"], source["privacy"], source["sensitive"], source["language"]) == (
        "I am",
        "unlisted",
        True,
        "de",
    )
    assert "missing" not in own["avatar"] + own["header"]
    ann.run("update-account", "--no-bot", "--no-locked")
    assert not ann.json("whoami")["bot"]


REFUSED = (
    ("polls", "show", "1"),
    ("polls", "vote", "1", "0"),
    ("post", "which?", "--poll-option", "a", "--poll-option", "b", "--poll-expires-in", "1h", "--poll-multiple"),
    ("post", "which?", "--poll-option", "a", "--poll-option", "b", "--poll-hide-totals"),
    ("post", "later", "--scheduled-at", "2099-01-01T00:00:00Z"),
    ("post", "later", "--scheduled-in", "1h"),
)


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_is_not_ours_is_refused(ann: Toot, arguments: tuple[str, ...]) -> None:
    assert "Error" in ann.refused(*arguments)
    assert ann.json("timelines", "account", name_of(ann)) == []


def test_trends_are_empty(ann: Toot) -> None:
    assert ann.run("timelines", "link", "https://example.org/", "--limit", "2") == "No statuses found\n"
    assert ann.json("timelines", "trending", "--limit", "2", "--offset", "1") == []


def test_passwords_are_not_for_programs(ann: Toot) -> None:
    server = ann.server
    said = ann.refused("login_cli", "-i", server, "--email", "ann@example.org", "--password", "a long enough secret")
    assert "Login failed" in said
