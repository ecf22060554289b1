"""What clients ask for at their start."""

from __future__ import annotations

import re

import pytest

from tests.api.client import Api, Person


async def test_both_versions_of_the_instance_agree(api: Api) -> None:
    first = await api.want("GET", "/api/v1/instance")
    second = await api.want("GET", "/api/v2/instance")
    assert first["uri"] == second["domain"]
    assert first["version"] == second["version"]
    # Clients parse three dotted numbers, or the first three characters; from 4.3 on they ask for grouped notifications.
    assert re.match(r"4\.5\.\d+ \(compatible; Ripstop \d+\.\d+\.\d+\)$", first["version"])
    assert second["api_versions"]["mastodon"] == 7
    for one in (first, second):
        assert one["configuration"]["statuses"]["max_characters"] == 500
        assert one["configuration"]["statuses"]["characters_reserved_per_url"] == 23
    assert first["urls"]["streaming_api"] == second["configuration"]["urls"]["streaming"]
    assert second["registrations"]["enabled"] is True
    assert await api.want("GET", "/api/v2/instance/") == second


async def test_what_clients_hide_by_the_instance(api: Api) -> None:
    told = (await api.want("GET", "/api/v2/instance"))["configuration"]
    assert told["timelines_access"]["live_feeds"] == {"local": "public", "remote": "disabled"}
    assert told["timelines_access"]["hashtag_feeds"] == {"local": "public", "remote": "disabled"}
    assert told["accounts"]["max_pinned_statuses"] == 5


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/custom_emojis",
        "/api/v1/instance/activity",
        "/api/v1/instance/domain_blocks",
        "/api/v1/instance/peers",
        "/api/v1/instance/rules",
        "/api/v1/trends",
        "/api/v1/trends/links",
        "/api/v1/trends/statuses",
        "/api/v1/trends/tags",
    ],
)
async def test_what_is_empty_for_everybody(api: Api, path: str) -> None:
    assert await api.want("GET", path) == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/announcements",
        "/api/v1/conversations",
        "/api/v1/domain_blocks",
        "/api/v1/followed_tags",
        "/api/v1/scheduled_statuses",
    ],
)
async def test_what_is_empty_for_its_owner(api: Api, alice: Person, path: str) -> None:
    assert await api.want("GET", path, as_=alice) == []
    assert (await api.get(path)).status == 401
