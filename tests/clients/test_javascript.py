"""masto and megalodon, the libraries that clients in JavaScript are made with: a journey with each, in Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.mastodon_py import Join
from tests.server import PATIENCE, Server

JOURNEYS = Path(__file__).parent / "node"
PACKAGES = Path(sys.prefix) / "node" / "node_modules"

covers = pytest.mark.covers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The journeys beside the packages of their lock, as Node wants them."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not PACKAGES.is_dir():
        pytest.skip("the packages of tests/clients/node are not installed; `make test` does it where npm can")
    for journey in JOURNEYS.glob("*.mjs"):
        shutil.copy(journey, tmp_path)
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    return tmp_path


def travel(folder: Path, journey: str, server: Server, join: Join) -> set[str]:
    """Go through a journey; the names of the calls that it made."""
    people = {name.upper(): str(join(name).inner.access_token) for name in ("ann", "ben")}
    ended = subprocess.run(
        ["node", folder / journey],
        env={**os.environ, **people, "SERVER": server.url},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return set(ended.stdout.splitlines())


@covers(
    "v2.instance.fetch",
    "v1.instance.fetch",
    "v1.preferences.fetch",
    "v1.customEmojis.list",
    "v2.filters.list",
    "v1.apps.create",
    "oauth.token.create",
    "v1.accounts.verifyCredentials",
    "v1.accounts.lookup",
    "v1.accounts.follow",
    "v1.accounts.relationships.fetch",
    "v1.statuses.create",
    "v1.statuses.context.fetch",
    "v1.statuses.favourite",
    "v1.statuses.reblog",
    "v1.statuses.bookmark",
    "v1.statuses.update",
    "v1.statuses.remove",
    "v1.timelines.home.list",
    "v1.timelines.home.list pages",
    "v1.notifications.list",
    "streaming.user.subscribe update",
    "streaming.user.subscribe notification",
    "errors",
)
def test_masto(folder: Path, server: Server, join: Join, used: set[str]) -> None:
    used |= travel(folder, "masto.mjs", server, join)


@covers(
    "detector",
    "getInstance",
    "registerApp",
    "verifyAccountCredentials",
    "getPreferences",
    "followAccount",
    "getRelationships",
    "postStatus",
    "getHomeTimeline",
    "getLocalTimeline",
    "getStatusContext",
    "favouriteStatus",
    "reblogStatus",
    "bookmarkStatus",
    "editStatus",
    "deleteStatus",
    "getNotifications",
    "search",
    "userStreaming",
    "userStreaming update",
    "userStreaming notification",
    "errors",
)
def test_megalodon(folder: Path, server: Server, join: Join, used: set[str]) -> None:
    used |= travel(folder, "megalodon.mjs", server, join)
