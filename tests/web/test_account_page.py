"""What people do on the page of their account beside their password: defaults for their posts, and its end."""

from __future__ import annotations

from tests.api.client import PASSWORD, Api, Person
from tests.web.browser import Browser

ACCOUNT = "/auth/edit"


async def test_defaults_for_posts_are_kept_and_used(browser: Browser, api: Api, alice: Person) -> None:
    page = await browser.log_in(alice.username, PASSWORD)
    wanted = {"visibility": "unlisted", "language": "de", "sensitive": "true"}
    wanted |= {"quotes": "followers", "replies": "following"}
    page = await browser.post("/auth/defaults", {**wanted, "proof": page.form("/auth/defaults").fields["proof"]})
    assert page.path == ACCOUNT
    assert "Saved." in page.text
    assert '<option value="unlisted" selected>' in page.text
    preferences = await api.want("GET", "/api/v1/preferences", as_=alice)
    assert preferences["posting:default:visibility"] == "unlisted"
    post = await api.publish(alice, "hallo")
    assert (post["visibility"], post["language"], post["sensitive"]) == ("unlisted", "de", True)
    assert (post["quote_approval"]["automatic"], post["reply_policy"]) == (["followers"], "following")
    page = await browser.post("/auth/defaults", {"proof": page.form("/auth/defaults").fields["proof"]})
    post = await api.publish(alice, "hello")
    assert (post["visibility"], post["language"], post["sensitive"]) == ("public", None, False)
    assert (post["quote_approval"]["automatic"], post["reply_policy"]) == (["public"], "everyone")


async def test_defaults_that_there_are_not_change_nothing(browser: Browser, api: Api, alice: Person) -> None:
    page = await browser.log_in(alice.username, PASSWORD)
    proof = page.form("/auth/defaults").fields["proof"]
    fields = {"visibility": "nobody", "language": "not a language", "quotes": "following", "replies": "nobody"}
    for wrong in ({"visibility": "direct"}, *({name: value} for name, value in fields.items())):
        page = await browser.post("/auth/defaults", {**wrong, "proof": proof})
        assert page.status == 422
        assert "is not a supported value" in page.text
    assert (await browser.post("/auth/defaults", {"visibility": "private", "proof": "x"})).status == 403
    assert (await api.publish(alice, "hello"))["visibility"] == "public"


async def test_one_deletes_ones_account_with_the_password(browser: Browser, api: Api, alice: Person) -> None:
    page = await browser.log_in(alice.username, PASSWORD)
    page = await browser.submit(page, "/auth/delete", {"current": "a wrong one"})
    assert page.status == 422
    assert "This is not your present password." in page.text
    assert (await browser.post("/auth/delete", {"current": PASSWORD, "proof": "x"})).status == 403
    await api.want("GET", f"/api/v1/accounts/{alice.id}")
    page = await browser.submit(page, "/auth/delete", {"current": PASSWORD})
    assert page.path == "/"
    assert "ripstop_session" not in browser.cookies
    assert (await api.get(f"/api/v1/accounts/{alice.id}")).status == 404
    assert (await browser.open(f"/@{alice.username}")).status == 410
    assert (await api.get("/api/v1/preferences", as_=alice)).status == 401


async def test_who_is_not_logged_in_is_led_to_do_so(browser: Browser, alice: Person) -> None:
    for path in ("/auth/delete", "/auth/defaults"):
        assert (await browser.post(path, {"current": PASSWORD})).path == "/auth/sign_in"
