"""What must not be found anywhere: passwords and tokens, in logs or in the data folder."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import aiohttp
import httpx
import pytest

from tests.api.client import Api, sign_up_form
from tests.server import PATIENCE, Server, installed, wait_until


@pytest.fixture
def talkative_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that logs all that it can."""
    with installed("sqlite", request, RIPSTOP_LOG_LEVEL="debug") as server:
        server.start()
        yield server


async def test_passwords_and_tokens_are_neither_logged_nor_stored(talkative_server: Server) -> None:
    server = talkative_server
    password = "correct-horse-" + secrets.token_hex(16)
    async with aiohttp.ClientSession() as session:
        api = Api(session, server)
        app_token = await api.app_token()
        form = sign_up_form("alice", password=password)
        token = (await api.want("POST", "/api/v1/accounts", token=app_token, form=form))["access_token"]
        again = await api.post("/api/v1/accounts", token=app_token, form=form)
        assert again.status == 422
        await api.get(f"/api/v1/accounts/verify_credentials?access_token={token}")
        await api.post("/api/v1/accounts", token=app_token, json={"password": [password]})
        await api.post("/api/v1/accounts", token=app_token, data=f'{{"password": "{password}'.encode())
        wait_until(lambda: hashed(server) > 0, "a hash")
    server.stop()
    kept = [path for path in server.folder.rglob("*") if path.is_file()]
    assert any(path.name == "main.db" for path in kept)
    for secret in (password, token, app_token):
        assert secret not in server.log()
        assert not [path.name for path in kept if secret.encode() in path.read_bytes()]


def hashed(server: Server) -> float:
    """How many passwords were hashed."""
    for line in httpx.get(server.url + "/metrics", timeout=PATIENCE).text.splitlines():
        if line.startswith('ripstop_helper_jobs_total{job="hash"}'):
            return float(line.rpartition(" ")[2])
    return 0.0
