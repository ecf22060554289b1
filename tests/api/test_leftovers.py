"""What this server does not have is answered as the documentation has it: an empty list, 404, or a sentence."""

from __future__ import annotations

import pytest

from tests.api.client import Api, Person

EMPTY: dict[str, object] = {
    "/api/v1/instance/activity": [],
    "/api/v1/instance/peers": [],
    "/api/v1/instance/domain_blocks": [],
    "/api/v1/instance/rules": [],
    "/api/v1/instance/translation_languages": {},
    "/api/v1/peers/search?q=a": [],
    "/api/v1/custom_emojis": [],
    "/api/v1/announcements": [],
    "/api/v1/trends": [],
    "/api/v1/trends/tags": [],
    "/api/v1/trends/statuses": [],
    "/api/v1/trends/links": [],
    "/api/v1/timelines/link?url=https://example.org/": [],
    "/api/v1/scheduled_statuses": [],
    "/api/v1/accounts/{id}/identity_proofs": [],
}
MISSING = [
    ("GET", "/api/v1/instance/terms_of_service"),
    ("GET", "/api/v1/instance/terms_of_service/2026-01-01"),
    ("POST", "/api/v1/announcements/1/dismiss"),
    ("GET", "/api/v1/scheduled_statuses/1"),
    ("PUT", "/api/v1/scheduled_statuses/1"),
    ("DELETE", "/api/v1/scheduled_statuses/1"),
    ("GET", "/api/v1/polls/1"),
    ("POST", "/api/v1/polls/1/votes"),
    ("GET", "/api/v1/push/subscription"),
    ("PUT", "/api/v1/push/subscription"),
    ("POST", "/api/v1/statuses/1/translate"),
]


@pytest.mark.parametrize("path", EMPTY)
async def test_lists_of_what_there_is_not_are_empty(api: Api, alice: Person, path: str) -> None:
    assert await api.want("GET", path.format(id=alice.id), as_=alice) == EMPTY[path]


@pytest.mark.parametrize(("method", "path"), MISSING)
async def test_what_there_is_not_is_not_found(api: Api, alice: Person, method: str, path: str) -> None:
    answer = await api.ask(method, path, as_=alice)
    assert (answer.status, answer.json()) == (404, {"error": "Record not found"})


@pytest.mark.parametrize("path", ["/api/v1/push/subscription"])
async def test_what_cannot_be_done_says_so(api: Api, alice: Person, path: str) -> None:
    answer = await api.post(path, as_=alice, json={"account_id": "1"})
    assert answer.status == 422
    assert "on this server yet" in answer.json()["error"]
    assert (await api.post(path, json={})).status == 401


async def test_texts_about_the_server_are_whole(api: Api) -> None:
    for path in ("extended_description", "privacy_policy"):
        assert set(await api.want("GET", f"/api/v1/instance/{path}")) == {"updated_at", "content"}


async def test_addresses_need_no_confirmation(api: Api, alice: Person) -> None:
    assert (await api.post("/api/v1/emails/confirmations", as_=alice)).status == 403
    assert await api.want("GET", "/api/v1/emails/check_confirmation", as_=alice) is True
    assert await api.want("DELETE", "/api/v1/push/subscription", as_=alice) == {}
