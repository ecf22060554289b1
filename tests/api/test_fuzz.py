"""Whatever is sent to whatever is described: an answer as described, in time, and never a 5xx.

`RIPSTOP_TEST_FUZZ` says how many requests each endpoint gets on each engine of either sort: as described, and not. Each
is sent with a token and without. The choice is the same in every run, so that a run which fails does so again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, Response
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.client import Api
from tests.api.everything import a_world
from tests.api.staff import of_staff
from tests.server import PATIENCE, Server

Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES = int(os.environ.get("RIPSTOP_TEST_FUZZ", "3"))
CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


class Target:
    """A server with one of everything in it, and somebody with a token."""

    def __init__(self, server: Server, document: dict[str, Any], token: str, ids: Mapping[str, str]) -> None:
        self.url = server.url
        found = list(schemathesis.openapi.from_dict(document).get_all_operations())
        self.operations: list[Operation] = [result.ok() for result in found if isinstance(result, Ok)]
        assert len(self.operations) == len(found)
        self.token = token
        self.ids = ids


@pytest.fixture(scope="module")
def target(server: Server) -> Target:
    return asyncio.run(prepare(server))


async def prepare(server: Server) -> Target:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        api = Api(session, server)
        alice, bob = await of_staff(server, api, "alice", "owner"), await api.person("bob")
        ids = await a_world(api, alice, bob)
        return Target(server, await api.want("GET", "/openapi.json"), alice.token, ids)


def goes_on(operation: Operation) -> bool:
    """Whether its answer has no end."""
    return operation.path.startswith("/api/v1/streaming") and not operation.path.endswith("/health")


def known_id(path: str, ids: Mapping[str, str]) -> str | None:
    """What the named part of a path may stand for."""
    words = path.partition("/{")[0].split("/")
    return ids.get("/".join(words[-2:])) or ids.get(words[-1])


def check(case: Case[Operation], response: Response) -> None:
    """Pass if an answer is one that the description knows."""
    if response.status_code == 503:
        assert "retry-after" in response.headers, "only overload may answer so"
        return
    assert response.status_code < 500, f"{case.as_curl_command()}\n{response.text}"
    case.validate_response(response, checks=CHECKS)


def fuzz(operation: Operation, mode: GenerationMode, target: Target, session: requests.Session) -> bool:
    """Ask one endpoint several times; False where all that can be asked of it is as described."""
    known = known_id(operation.path, target.ids)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def ask(case: Case[Operation], is_known: bool) -> None:
        if is_known and known is not None and case.path_parameters:
            for name in case.path_parameters:
                case.path_parameters[name] = known
        for headers in ({"authorization": f"Bearer {target.token}"}, {}):
            if not (headers and goes_on(operation)):
                check(case, case.call(base_url=target.url, session=session, headers=headers, timeout=PATIENCE))

    try:
        ask()
    except Unsatisfiable:
        return False
    return True


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["described", "otherwise"])
def test_no_request_breaks_anything(target: Target, session: requests.Session, mode: GenerationMode) -> None:
    asked = 0
    broken = []
    for operation in target.operations:
        try:
            asked += fuzz(operation, mode, target, session)
        except (AssertionError, FailureGroup, Failure, requests.RequestException) as error:
            broken.append(f"{operation.label}: {error}")
    assert not broken, "\n\n".join(broken)
    assert asked > 50
    assert requests.get(f"{target.url}/health", timeout=PATIENCE).text == "OK"
