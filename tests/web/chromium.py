"""A real browser for tests: headless Chromium, spoken to over its DevTools protocol.

with chromium() as address:
    async with connected(address) as browser, browser.tab(phone=True, dark=True) as tab:
        await tab.open(server.url)
        assert await tab.ask("document.title") == "Ripstop"
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.server import PATIENCE, wait_until

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DESKTOP, PHONE = (1280, 900), (390, 844)
"""Sizes of a window, in CSS pixels."""


class Chromium:
    """A running browser."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: dict[str, list[asyncio.Queue[dict[str, Any]]]] = {}
        self._last = 0

    async def listen(self) -> None:
        """Hand out what the browser says, until it ends."""
        async for message in self._connection:
            said = msgspec.json.decode(message.data)
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
            else:
                for queue in self._events.get(said.get("sessionId", ""), ()):
                    queue.put_nowait(said)

    async def call(self, method: str, params: Mapping[str, Any], session: str = "") -> dict[str, Any]:
        """The result of a command, of a tab or of the browser itself."""
        self._last += 1
        answer = self._waiting[self._last] = asyncio.get_running_loop().create_future()
        command = {"id": self._last, "method": method, "params": params}
        await self._connection.send_str(
            msgspec.json.encode(command | ({"sessionId": session} if session else {})).decode()
        )
        async with asyncio.timeout(PATIENCE):
            said = await answer
        assert "error" not in said, f"{method}: {said['error']}"
        result: dict[str, Any] = said["result"]
        return result

    def events_of(self, session: str) -> asyncio.Queue[dict[str, Any]]:
        """What happens in a tab from now on."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._events.setdefault(session, []).append(queue)
        return queue

    @asynccontextmanager
    async def tab(self, *, phone: bool = False, dark: bool = False, scripts: bool = True) -> AsyncIterator[Tab]:
        """A window of a new person: with cookies of its own, and none yet."""
        context = (await self.call("Target.createBrowserContext", {}))["browserContextId"]
        about = {"url": "about:blank", "browserContextId": context}
        target = (await self.call("Target.createTarget", about))["targetId"]
        attached = await self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        tab = Tab(self, attached["sessionId"])
        await tab.prepare(phone=phone, dark=dark, scripts=scripts)
        try:
            yield tab
        finally:
            await self.call("Target.disposeBrowserContext", {"browserContextId": context})


class Tab:
    """A window. What goes wrong in its pages is kept in `problems`."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self._seen = browser.events_of(session)
        self._page = ""
        """Which page was last loaded, by the name that the browser has for that."""
        self.problems: list[str] = []

    async def prepare(self, *, phone: bool, dark: bool, scripts: bool) -> None:
        """Make it a phone's, or a desktop's."""
        width, height = PHONE if phone else DESKTOP
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call("Page.setLifecycleEventsEnabled", enabled=True)
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command."""
        return await self._browser.call(method, params, self._session)

    async def open(self, url: str) -> None:
        """Go to an address, and wait until the page is there."""
        page = (await self.call("Page.navigate", url=url))["loaderId"]
        await self._shows(lambda: self._page == page)

    async def leads_on(self, expression: str) -> None:
        """Do something that leads to another page, and wait for that."""
        self._drain()
        before = self._page
        await self.ask(expression)
        await self._shows(lambda: self._page != before)

    async def _shows(self, is_it: Callable[[], bool]) -> None:
        """Wait for a page; one that was on its way before may still come first."""
        async with asyncio.timeout(PATIENCE):
            while not is_it():
                self._note(await self._seen.get())

    async def ask(self, expression: str) -> Any:
        """What an expression of JavaScript says in the page; promises are awaited."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, *, after: str = "") -> Any:
        """Wait until an expression says something true: the browser looks with each frame. First do what is `after`."""
        return await self.ask(
            f"{after}; new Promise((resolve, reject) => {{ const end = Date.now() + {PATIENCE * 800};"
            " const look = () => {"
            f" const found = ({expression}); if (found) {{ resolve(found === true || String(found)); }}"
            " else if (Date.now() > end) { reject(new Error('it did not happen')); } else { setTimeout(look, 20); } };"
            " look(); })"
        )

    async def type(self, selector: str, text: str) -> None:
        """Write into a field, as somebody does."""
        await self.ask(f"document.querySelector({_quoted(selector)}).focus()")
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press a key."""
        code = {"Escape": 27, "Tab": 9, "Enter": 13}.get(key, 0)
        text = key if len(key) == 1 else ""
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def give(self, selector: str, *files: Path) -> None:
        """Choose files in a field."""
        found = await self.call("Runtime.evaluate", expression=f"document.querySelector({_quoted(selector)})")
        await self.call(
            "DOM.setFileInputFiles", objectId=found["result"]["objectId"], files=[str(file) for file in files]
        )

    async def log_in(self, url: str, login: str, password: str) -> None:
        """By the form. It has no need of scripts, and neither has this."""
        await self.open(f"{url}/auth/sign_in")
        await self.type("#login", login)
        await self.type("#password", password)
        await self.leads_on("document.querySelector('main form').requestSubmit()")

    async def picture(self) -> bytes:
        """What the window shows, as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    def _drain(self) -> None:
        while not self._seen.empty():
            self._note(self._seen.get_nowait())

    def look_for_problems(self) -> list[str]:
        """What went wrong in its pages until now: exceptions, and what the browser complains of."""
        self._drain()
        return self.problems

    def _note(self, said: dict[str, Any]) -> None:
        happened = said["params"]
        if said["method"] == "Page.lifecycleEvent" and happened["name"] == "load":
            self._page = happened["loaderId"]
        elif said["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(happened["exceptionDetails"]))
        elif said["method"] == "Log.entryAdded" and happened["entry"]["level"] == "error":
            self.problems.append(str(happened["entry"]))


@contextmanager
def chromium(*options: str) -> Iterator[str]:
    """Where a browser listens that was started with more options. Where there is none the test is skipped."""
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--lang=en-GB",
                f"--user-data-dir={folder}",
                "--remote-debugging-port=0",
                *options,
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _address(process, Path(folder) / "DevToolsActivePort")
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], file: Path) -> str:
    """Where the browser listens, as it writes down when it is ready."""

    def lines() -> list[str]:
        assert process.poll() is None, "the browser did not start"
        return file.read_text().splitlines() if file.exists() else []

    wait_until(lambda: len(lines()) == 2, "the start of the browser")
    port, path = lines()
    return f"ws://127.0.0.1:{port}{path}"


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Chromium]:
    """A running browser, for as long as this event loop speaks to it."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as connection:
        browser = Chromium(connection)
        listening = asyncio.create_task(browser.listen())
        try:
            yield browser
        finally:
            listening.cancel()


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
