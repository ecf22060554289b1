"""WebFinger, NodeInfo and host-meta: who is here, and what this server is."""

from __future__ import annotations

from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import pytest

from tests.api.client import Api, Person
from tests.server import Server


def finger(resource: str, *, rel: tuple[str, ...] = ()) -> str:
    return f"/.well-known/webfinger?resource={quote(resource, safe='')}" + "".join(f"&rel={quote(one)}" for one in rel)


async def test_somebody_is_found_by_handle_and_by_address(api: Api, server: Server, alice: Person) -> None:
    domain = urlsplit(server.url).netloc
    account = await api.want("GET", f"/api/v1/accounts/{alice.id}")
    documents = []
    for resource in (
        f"acct:{alice.username}@{domain}",
        f"acct:{alice.username.upper()}@{domain.upper()}",
        f"{alice.username}@{domain}",
        f"@{alice.username}@{domain}",
        account["url"],
        account["uri"],
        account["url"].replace("http:", "https:") + "/",
    ):
        answer = await api.get(finger(resource))
        assert answer.status == 200, resource
        assert answer.headers["content-type"].startswith("application/jrd+json")
        assert answer.headers["access-control-allow-origin"] == "*"
        documents.append(answer.json())
    assert all(document == documents[0] for document in documents)
    assert documents[0]["subject"] == f"acct:{alice.username}@{domain}"
    assert documents[0]["aliases"] == [account["url"], account["uri"]]
    page = "http://webfinger.net/rel/profile-page"
    assert {"rel": page, "type": "text/html", "href": account["url"]} in documents[0]["links"]
    filtered = (await api.get(finger(account["url"], rel=(page, "no-such")))).json()
    assert [link["rel"] for link in filtered["links"]] == [page]


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("acct:{alice}@elsewhere.example", 404),
        ("acct:nobody_of_this_name@{domain}", 404),
        ("acct:@{domain}", 404),
        ("acct:{alice}", 404),
        ("acct:a@b@{domain}", 404),
        ("https://elsewhere.example/@{alice}", 404),
        ("https://{domain}/@{alice}@elsewhere.example", 404),
        ("https://{domain}/users/", 404),
        ("https://{domain}/about", 404),
        ("https://[", 404),
        ("mailto:{alice}@example.org", 404),
        ("", 400),
    ],
)
async def test_nobody_else_is_found(api: Api, server: Server, alice: Person, resource: str, status: int) -> None:
    asked = resource.format(alice=alice.username, domain=urlsplit(server.url).netloc)
    answer = await api.get(finger(asked))
    assert answer.status == status
    assert answer.json()["error"]
    assert (await api.get("/.well-known/webfinger")).status == 400


async def test_the_server_tells_what_it_is(api: Api, server: Server) -> None:
    links = (await api.want("GET", "/.well-known/nodeinfo"))["links"]
    assert [link["rel"].rpartition("/")[2] for link in links] == ["2.0", "2.1"]
    for link in links:
        answer = await api.get(link["href"].removeprefix(server.url))
        assert answer.status == 200
        assert f'profile="{link["rel"]}#"' in answer.headers["content-type"]
        document = answer.json()
        assert document["version"] == link["rel"].rpartition("/")[2]
        assert document["software"]["name"] == "ripstop"
        assert document["openRegistrations"] is True
        assert document.keys() == {
            "version",
            "software",
            "protocols",
            "services",
            "openRegistrations",
            "usage",
            "metadata",
        }
    assert (await api.get("/nodeinfo/3.0")).status == 404


async def test_host_meta_leads_to_webfinger(api: Api, server: Server, alice: Person) -> None:
    template = f"{server.url}/.well-known/webfinger?resource={{uri}}"
    answer = await api.get("/.well-known/host-meta")
    assert answer.headers["content-type"].startswith("application/xrd+xml")
    (link,) = ElementTree.fromstring(answer.body)
    assert link.attrib == {"rel": "lrdd", "template": template}
    for path, headers in (("host-meta.json", {}), ("host-meta", {"accept": "application/json"})):
        found = await api.want("GET", f"/.well-known/{path}", headers=headers)
        assert found == {"links": [{"rel": "lrdd", "template": template}]}
