"""A browser without JavaScript for tests: it keeps cookies, follows redirects on one server, and fills in forms."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

from tests.server import PATIENCE, Server

ANEW = {"cache-control": "no-cache"}
"""Headers with which a page is rendered anew, whatever was kept a moment ago for everybody."""


@dataclass
class Form:
    """A form of a page: where it goes, what it holds already, and its buttons."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)


@dataclass
class Page:
    """What the browser shows. `left_to` is an address elsewhere to which it was led; then there is no page."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str
    left_to: str = ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def forms(self) -> list[Form]:
        return _Forms.read(self.text)

    def form(self, action: str) -> Form:
        """The form that goes there."""
        found = [form for form in self.forms if form.action == action]
        assert found, f"no form for {action} on {self.url}: {self.status} {self.text}"
        return found[0]

    @property
    def code(self) -> str:
        """The code in the address: of the page, or of where it was led."""
        return parse_qs(urlsplit(self.left_to or self.url).query)["code"][0]

    @property
    def told(self) -> dict[str, str]:
        """What another site was told in the query of the address."""
        assert self.left_to, f"stayed at {self.url}: {self.status} {self.text}"
        return {name: values[0] for name, values in parse_qs(urlsplit(self.left_to).query).items()}


class Browser:
    """One person's. It seems to come from a network of its own, so that limits on networks part the tests."""

    def __init__(self, session: aiohttp.ClientSession, server: Server, *, network: str = "") -> None:
        self.session = session
        self.server = server
        self.shown = ""
        """The address of the page that is shown."""
        self.network = network or ".".join(["10", *(str(secrets.randbelow(250) + 1) for _ in range(3))])

    async def open(self, address: str) -> Page:
        """Go to an address."""
        return await self._request("GET", urljoin(self.server.url, address))

    async def submit(self, page: Page, action: str, fields: Mapping[str, str], *, press: str = "") -> Page:
        """Fill in the form of a page that goes to `action`, and send it by its button (of this value, if given)."""
        form = page.form(action)
        unknown = set(fields) - set(form.fields)
        assert not unknown, f"the form has no fields {unknown}"
        data = {
            name: value
            for name, value in form.fields.items()
            if form.types.get(name) not in {"submit", "checkbox", "file"}
        }
        data |= fields
        if press:
            data |= {name: press for name, kind in form.types.items() if kind == "submit" and name}
        return await self.post(form.action, data)

    async def post(self, path: str, fields: Mapping[str, str] | aiohttp.FormData) -> Page:
        """Send a form that stands nowhere."""
        return await self._request("POST", urljoin(self.server.url, path), fields)

    async def log_in(self, login: str, password: str, *, page: Page | None = None) -> Page:
        """By the form of the page, or that which leads to the settings of the account."""
        page = page or await self.open("/auth/sign_in?return_to=/auth/edit")
        return await self.submit(page, "/auth/sign_in", {"login": login, "password": password})

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}

    async def _request(self, method: str, url: str, fields: Mapping[str, str] | aiohttp.FormData | None = None) -> Page:
        for _ in range(10):
            headers = {"x-forwarded-for": self.network, "user-agent": "A browser", **ANEW}
            if self.shown:
                headers["referer"] = self.shown
            status, received, text = await self._answered(method, url, fields, headers)
            location = received.get("location")
            if location is None:
                self.shown = url
                return Page(url, status, received, text)
            method, fields, url = "GET", None, urljoin(url, location)
            if not url.startswith(self.server.url + "/"):
                return Page(url, status, received, text, left_to=url)
        raise AssertionError(f"led in circles to {url}")

    async def _answered(
        self, method: str, url: str, fields: Mapping[str, str] | aiohttp.FormData | None, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of one answer.

        Where the server says that it has too much to do, having done nothing, it is asked again, unless with a file.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.session.request(
                    method, url, data=fields, headers=headers, allow_redirects=False
                ) as response:
                    text = await response.text()
                    received = {name.lower(): value for name, value in response.headers.items()}
                if response.status != 503 or isinstance(fields, aiohttp.FormData):
                    return response.status, received, text
                await asyncio.sleep(0.1)


@asynccontextmanager
async def browsing(server: Server, *, network: str = "") -> AsyncIterator[Browser]:
    """A fresh browser."""
    jar = aiohttp.CookieJar(unsafe=True)  # which means: for hosts that are addresses too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(session, server, network=network)


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False
        self._field = ""
        """The select or textarea that is being read."""

    @staticmethod
    def read(text: str) -> list[Form]:
        parser = _Forms()
        parser.feed(text)
        return parser.forms

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
            self._inside = True
        elif not self._inside:
            return
        elif tag == "option" and self._field and ("selected" in given or not self.forms[-1].fields[self._field]):
            self.forms[-1].fields[self._field] = given.get("value", "")
        elif tag in {"input", "button", "select", "textarea"} and given.get("name"):
            form = self.forms[-1]
            form.fields[given["name"]] = given.get("value", "")
            form.types[given["name"]] = "submit" if tag == "button" else given.get("type", "text")
            self._field = given["name"] if tag in {"select", "textarea"} else ""

    def handle_data(self, data: str) -> None:
        if self._field and (self.get_starttag_text() or "").startswith("<textarea"):
            self.forms[-1].fields[self._field] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag in {"form", "select", "textarea"}:
            self._field = ""
