"""Where requests come from, where forms may lead, and what scopes mean: rules that pages lean on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripstop.domain.accounts.access import access_account
from ripstop.domain.accounts.scopes import SCOPES
from ripstop.domain.accounts.sessions import open_session
from ripstop.domain.moderation import people
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.kernel.secrets import Secrets
from ripstop.surfaces.http.networks import Networks
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.web.forms import local_path
from ripstop.surfaces.web.permissions import explain
from ripstop.surfaces.web.visitor import Visitors
from tests.domain.house import a_house
from tests.stores import Place
from tests.unit.http.web import FakeHeaders, FakeScope
from tests.web.test_live import asking


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("192.0.2.7:4000", "", "192.0.2.7"),
        ("192.0.2.7:4000", "198.51.100.1", "192.0.2.7"),
        ("127.0.0.1:4000", "", ""),
        ("127.0.0.1:4000", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1:4000", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1:4000", "nonsense", "unknown"),
        ("127.0.0.1:4000", "127.0.0.1", ""),
        ("[::1]:4000", "2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64"),
        ("[2001:db8:1:2::99]:4000", "198.51.100.1", "2001:0db8:0001:0002::/64"),
        ("[::ffff:192.0.2.7]:4000", "", "192.0.2.7"),
        ("", "", ""),
    ],
)
def test_a_proxy_on_this_machine_is_believed_and_nobody_else(peer: str, forwarded: str, network: str) -> None:
    headers = FakeHeaders({"x-forwarded-for": forwarded} if forwarded else {})
    scope = FakeScope("POST", "/login", "", headers, client=peer)
    request = Request(scope, method="POST", path="/login", args={}, origin="https://ripstop.test", networks=Networks())
    assert request.network == network


@pytest.mark.parametrize("path", ["/", "/auth/edit", "/oauth/authorize?state=%0d%0a&x=//a", "/@alice"])
def test_paths_of_this_server_are_kept_as_they_are(path: str) -> None:
    assert local_path(path) == path


def test_every_scope_has_a_sentence_of_its_own() -> None:
    sentences = explain(sorted(SCOPES))
    assert len(set(sentences)) == len(SCOPES)
    assert all(sentence[0].isupper() for sentence in sentences)


async def test_a_session_lets_nobody_in_who_is_shut_out(place: Place, tmp_path: Path) -> None:
    async with a_house(place, tmp_path) as house:
        graph = house.base.graph
        visitors = Visitors(graph, Secrets(bytes(32)), origin="http://town.test")
        [alice] = await house.people("alice")
        for shut_out, let_in in ((people.disable, people.enable), (people.suspend, people.unsuspend)):
            account = await access_account(graph, alice.id)
            await shut_out(graph, OPERATOR, account)
            opened = await open_session(graph, alice.id, agent="")  # by a log-in that was under way
            await graph.sync()
            request = asking("/", {"cookie": f"ripstop_session={opened.secret}"})
            assert await visitors.recall(request) is None
            await let_in(graph, OPERATOR, account)
            await graph.sync()
