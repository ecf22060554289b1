"""Applications and their tokens."""

from __future__ import annotations

import base64

import aiohttp
import pytest

from tests.api.client import Api, Person

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


async def test_an_application_registers_by_form_json_and_multipart(api: Api) -> None:
    fields = {"client_name": "Toot", "redirect_uris": OUT_OF_BAND, "scopes": "read write", "website": "https://x.org"}
    with aiohttp.MultipartWriter("form-data") as parts:
        for name, value in fields.items():
            parts.append(value).set_content_disposition("form-data", name=name)
    for how in ({"form": fields}, {"json": fields}, {"data": parts}):
        app = await api.want("POST", "/api/v1/apps", **how)
        assert app["name"] == "Toot"
        assert app["website"] == "https://x.org"
        assert app["scopes"] == ["read", "write"]
        assert app["redirect_uri"] == OUT_OF_BAND
        assert app["redirect_uris"] == [OUT_OF_BAND]
        assert app["id"] == app["client_id"]
        assert len(app["client_secret"]) >= 43
        assert app["client_secret_expires_at"] == 0
        assert len(base64.urlsafe_b64decode(app["vapid_key"] + "=")) == 65


async def test_several_redirect_uris_come_as_a_list_or_as_lines(api: Api) -> None:
    uris = ["https://one.example/back", "myapp://two"]
    as_list = await api.want("POST", "/api/v1/apps", json={"client_name": "x", "redirect_uris": uris})
    as_lines = await api.want("POST", "/api/v1/apps", json={"client_name": "x", "redirect_uris": "\n".join(uris)})
    assert as_list["redirect_uris"] == as_lines["redirect_uris"] == uris
    assert as_list["scopes"] == ["read"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_name": ""}, "name"),
        ({"client_name": "x" * 61}, "name"),
        ({"redirect_uris": ""}, "redirect_uri"),
        ({"redirect_uris": "javascript:alert(1)"}, "redirect_uri"),
        ({"redirect_uris": "no-uri"}, "redirect_uri"),
        ({"redirect_uris": "https://x.example/#part"}, "redirect_uri"),
        ({"scopes": "read rule_the_world"}, "scopes"),
        ({"website": "ftp://x.example"}, "website"),
    ],
)
async def test_a_bad_application_is_refused_by_field(api: Api, changes: dict[str, str], field: str) -> None:
    form = {"client_name": "x", "redirect_uris": OUT_OF_BAND, "scopes": "read", **changes}
    answer = await api.post("/api/v1/apps", form=form)
    assert answer.status == 422
    assert answer.json()["error"].startswith("Validation failed: ")
    assert list(answer.json()["details"]) == [field]


async def test_client_credentials_give_a_token(api: Api) -> None:
    app = await api.app()
    form = {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": app["client_secret"]}
    token = await api.want("POST", "/oauth/token", form={**form, "scope": "read write:accounts"})
    assert token["token_type"] == "Bearer"
    assert token["scope"] == "read write:accounts"
    assert isinstance(token["created_at"], int)
    seen = await api.want("GET", "/api/v1/apps/verify_credentials", token=token["access_token"])
    assert seen["name"] == app["name"]
    assert "client_secret" not in seen
    assert (await api.want("POST", "/oauth/token", form=form))["scope"] == "read"


async def test_a_client_may_prove_itself_by_the_header(api: Api) -> None:
    app = await api.app()
    basic = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
    form = {"grant_type": "client_credentials"}
    await api.want("POST", "/oauth/token", form=form, headers={"authorization": f"Basic {basic}"})


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "12345"}, 401, "invalid_client"),
        ({"client_id": "9" * 40}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"scope": "read admin:write"}, 400, "invalid_scope"),
        ({"scope": "nonsense"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
async def test_oauth_errors_have_the_shape_of_oauth(api: Api, changes: dict[str, str], status: int, error: str) -> None:
    app = await api.app()
    form = {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": app["client_secret"]}
    answer = await api.post("/oauth/token", form={**form, **changes})
    assert answer.status == status
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


async def test_a_token_cannot_have_more_than_its_application(api: Api) -> None:
    app = await api.app("read:accounts")
    form = {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": app["client_secret"]}
    assert (await api.post("/oauth/token", form={**form, "scope": "read"})).status == 400
    assert (await api.post("/oauth/token", form={**form, "scope": "read:accounts"})).status == 200


async def test_a_revoked_token_is_refused_at_once_by_every_process(api: Api) -> None:
    app = await api.app()
    client = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    form = {"grant_type": "client_credentials", **client}
    token = (await api.want("POST", "/oauth/token", form=form))["access_token"]
    for _ in range(8):
        assert (await api.get("/api/v1/apps/verify_credentials", token=token)).status == 200
    other = await api.app()
    foreign = {"client_id": other["client_id"], "client_secret": other["client_secret"], "token": token}
    assert (await api.post("/oauth/revoke", form=foreign)).status == 403
    assert (await api.post("/oauth/revoke", form={**client, "client_secret": "wrong", "token": token})).status == 401
    assert (await api.post("/oauth/revoke", form={**client, "token": token})).json() == {}
    for _ in range(8):
        assert (await api.get("/api/v1/apps/verify_credentials", token=token)).status == 401
    assert (await api.post("/oauth/revoke", form={**client, "token": token})).status == 200


async def test_an_application_is_no_user(api: Api, alice: Person) -> None:
    token = await api.app_token()
    answer = await api.get("/api/v1/accounts/verify_credentials", token=token)
    assert answer.status == 422
    assert answer.json() == {"error": "This method requires an authenticated user"}
