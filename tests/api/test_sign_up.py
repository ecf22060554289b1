"""Signing up: one step, and the token works at once."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path

import pytest

from tests.api.client import Answer, Api, sign_up_form
from tests.server import Server


async def test_the_answer_is_a_token_that_works_at_once(api: Api) -> None:
    form = sign_up_form(f"Dora_{secrets.token_hex(4)}")
    token = await api.want("POST", "/api/v1/accounts", token=await api.app_token(), form=form)
    assert token["token_type"] == "Bearer"
    assert token["scope"] == "read write follow push"
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", token=token["access_token"])
    assert own["username"] == own["acct"] == form["username"]
    assert own["source"] == {
        "privacy": "public",
        "sensitive": False,
        "language": None,
        "note": "",
        "fields": [],
        "follow_requests_count": 0,
        "hide_collections": False,
        "discoverable": None,
        "indexable": False,
        "attribution_domains": [],
        "quote_policy": "public",
        "reply_policy": "everyone",
    }
    assert own["role"]["id"] == "-99"
    assert (own["followers_count"], own["following_count"], own["statuses_count"]) == (0, 0, 0)
    assert own["last_status_at"] is None


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"username": ""}, {"username": ["ERR_BLANK"]}),
        ({"username": "with space"}, {"username": ["ERR_INVALID"]}),
        ({"username": "größe"}, {"username": ["ERR_INVALID"]}),
        ({"username": "a" * 31}, {"username": ["ERR_TOO_LONG"]}),
        ({"username": "Admin"}, {"username": ["ERR_RESERVED"]}),
        ({"email": ""}, {"email": ["ERR_BLANK"]}),
        ({"email": "nobody"}, {"email": ["ERR_INVALID"]}),
        ({"email": "a@b"}, {"email": ["ERR_INVALID"]}),
        ({"email": "a" * 250 + "@example.org"}, {"email": ["ERR_INVALID"]}),
        ({"password": ""}, {"password": ["ERR_BLANK"]}),
        ({"password": "short"}, {"password": ["ERR_TOO_SHORT"]}),
        ({"password": "x" * 257}, {"password": ["ERR_TOO_LONG"]}),
        ({"agreement": "false"}, {"agreement": ["ERR_ACCEPTED"]}),
        ({"locale": "not a locale"}, {"locale": ["ERR_INCLUSION"]}),
        ({"reason": "x" * 501}, {"reason": ["ERR_TOO_LONG"]}),
        ({"password": "short", "agreement": ""}, {"password": ["ERR_TOO_SHORT"], "agreement": ["ERR_ACCEPTED"]}),
    ],
)
async def test_a_bad_form_is_refused_by_field_and_makes_nothing(
    api: Api, changes: dict[str, str], found: dict[str, list[str]]
) -> None:
    name = f"d_{secrets.token_hex(4)}"
    answer = await api.post("/api/v1/accounts", token=await api.app_token(), form=sign_up_form(name, **changes))
    assert answer.status == 422
    said = answer.json()
    assert said["error"].startswith("Validation failed: ")
    assert {field: [one["error"] for one in reasons] for field, reasons in said["details"].items()} == found
    assert all(one["description"] for reasons in said["details"].values() for one in reasons)
    assert (await api.get(f"/api/v1/accounts/lookup?acct={name}")).status == 404


async def test_names_and_addresses_are_unique_whatever_their_case(api: Api) -> None:
    token = await api.app_token()
    name = f"erin_{secrets.token_hex(4)}"
    assert (await api.post("/api/v1/accounts", token=token, form=sign_up_form(name))).status == 200

    async def refused(**changes: str) -> list[str]:
        answer = await api.post("/api/v1/accounts", token=token, form=sign_up_form(f"{name}x", **changes))
        assert answer.status == 422
        details = answer.json()["details"]
        assert all(reasons[0]["error"] == "ERR_TAKEN" for reasons in details.values())
        return list(details)

    assert await refused(username=name.upper()) == ["username"]
    assert await refused(email=f"{name}@Example.ORG") == ["email"]
    assert await refused(username=name, email=f"{name}@example.org") == ["username", "email"]


async def test_of_64_at_once_exactly_one_gets_the_name(api: Api) -> None:
    token = await api.app_token()
    name = f"frank_{secrets.token_hex(4)}"

    async def try_it(number: int) -> Answer:
        form = sign_up_form(name, email=f"{name}{number}@example.org")
        return await api.post("/api/v1/accounts", token=token, form=form)

    answers = await asyncio.gather(*(try_it(number) for number in range(64)))
    assert sorted(answer.status for answer in answers) == [200] + [422] * 63
    assert all(
        answer.json()["details"]["username"][0]["error"] == "ERR_TAKEN" for answer in answers if answer.status == 422
    )
    winner = next(answer for answer in answers if answer.status == 200).json()["access_token"]
    own = await api.want("GET", "/api/v1/accounts/verify_credentials", token=winner)
    assert own["id"] == (await api.want("GET", f"/api/v1/accounts/lookup?acct={name}"))["id"]


async def test_signing_up_needs_a_token_with_the_scope(api: Api) -> None:
    form = sign_up_form(f"gus_{secrets.token_hex(4)}")
    assert (await api.post("/api/v1/accounts", form=form)).status == 401
    assert (await api.post("/api/v1/accounts", token=await api.app_token("read"), form=form)).status == 403
    assert (await api.post("/api/v1/accounts", token=await api.app_token("write:accounts"), form=form)).status == 200


async def test_secrets_stand_in_no_log_and_no_store(api: Api, server: Server) -> None:
    name = f"hugo_{secrets.token_hex(4)}"
    password = f"hidden-{secrets.token_hex(8)}"
    app_token = await api.app_token()
    token = (await api.want("POST", "/api/v1/accounts", token=app_token, form=sign_up_form(name, password=password)))[
        "access_token"
    ]
    await api.get(f"/api/v1/accounts/verify_credentials?access_token={token}")
    kept = server.log().encode() + b"".join(content_of(path) for path in server.folder.rglob("*"))
    for secret in (password, token, app_token):
        assert secret.encode() not in kept


def content_of(path: Path) -> bytes:
    """What is in a file; nothing if it is none, or gone by now: the server keeps files that come and go."""
    with contextlib.suppress(FileNotFoundError):
        if path.is_file() and path.stat().st_size < 1 << 28:
            return path.read_bytes()
    return b""
