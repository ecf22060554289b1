"""A whole installation in this process: the surfaces, a worker, and a store that counts what it is asked.

Nothing in it is a stand-in but the sockets. The store is held to the shard discipline. `House.another` is a second
process on the same store: what it has cached is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import msgspec
import pytest

from ripstop.boot import SCHEMA, Base, Ground, make_web, make_worker, open_base
from ripstop.domain.accounts.guesses import Guesses
from ripstop.domain.accounts.passwords import Passwords, WrongPassword
from ripstop.engines.base import Engine, Store
from ripstop.engines.batch import Batch, NameSet
from ripstop.kernel.configuration import Configuration, Outbound
from ripstop.machinery.bus import MemoryBus
from ripstop.processes.board import Board
from ripstop.processes.hasher import ThreadHasher
from ripstop.processes.imagemaker import ThreadImaging
from ripstop.processes.seat import Seat
from ripstop.processes.slots import LeasedSlot
from tests import discipline
from tests.stores import Place
from tests.unit.http.web import FakeChannel, FakeHeaders, FakeScope
from tests.world import HOUR_MS

OPERATIONS = frozenset(name for name in vars(Engine) if not name.startswith("_"))
SCOPES = "read write follow"


class CountingStore:
    """Hands everything on, and counts the operations of the protocol."""

    def __init__(self, store: Store) -> None:
        self.asked: Counter[str] = Counter()
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name in OPERATIONS:
            self.asked[name] += 1
        return getattr(self._store, name)

    def commit(self, batches: Sequence[Batch], **options: Any) -> Awaitable[Any]:
        """Of commits, those that renew the right to mint ids are left out: they come by the clock."""
        if not all(_is_renewal(batch) for batch in batches):
            self.asked["commit"] += 1
        return self._store.commit(batches, **options)


def _is_renewal(batch: Batch) -> bool:
    return all(isinstance(each, NameSet) and each.name.startswith("slot") for each in batch.operations)


class House:
    """One process of an installation."""

    def __init__(self, configuration: Configuration, place: Place) -> None:
        self._configuration = configuration
        self._place = place
        self._ground = Ground(configuration, wrap_store=self._wrap)
        self._stores: list[CountingStore] = []

    def _wrap(self, _: Store) -> Store:
        """A store with the patience of tests, where a server would tell its clients to come again."""
        counting = CountingStore(discipline.wrap(self._place.instance(schema=SCHEMA), SCHEMA))
        self._stores.append(counting)
        return cast(Store, counting)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[House]:
        self.base: Base = await open_base(self._ground, bus=MemoryBus(), hasher=ThreadHasher(), imaging=ThreadImaging())
        seat = Seat(name="house", slot=0, board=Board(1), parent=0, report=lambda _: None)
        self._web = make_web(self._ground, self.base, seat)
        self._worker = make_worker(self._ground, self.base)
        try:
            yield self
        finally:
            await self._web.end_streams()
            await self._web.close()

    @property
    def media_folder(self) -> Path:
        return self._configuration.media_folder

    def another(self) -> contextlib.AbstractAsyncContextManager[House]:
        """Another process of the same installation, with nothing cached."""
        return House(self._configuration, self._place).opened()

    @contextlib.contextmanager
    def counted(self) -> Iterator[dict[str, int]]:
        """What the store is asked meanwhile, by operation; complete when the context is left."""
        asked: dict[str, int] = {}
        self._stores[-1].asked.clear()
        yield asked
        asked.update(self._stores[-1].asked)

    async def drain(self) -> int:
        """Let the worker do all that is due; says how many calls it took."""
        return await self._worker.drain()

    async def ask(
        self, method: str, path: str, *, token: str = "", form: Mapping[str, object] | None = None, status: int = 200
    ) -> Any:
        """The JSON of an answer, which must have this status."""
        answered, found = await self.answer(method, path, token=token, form=form)
        assert answered == status, found
        return found

    async def answer(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        form: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status and the JSON of whatever is answered."""
        body = urlencode(form or {}, doseq=True).encode()
        sent = {
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        if token:
            sent["authorization"] = f"Bearer {token}"
        path, _, query = path.partition("?")
        channel = FakeChannel(body)
        scope = FakeScope(method, path, query, FakeHeaders(sent))
        await self._web.dispatcher.__rsgi__(cast(Any, scope), cast(Any, channel))
        return channel.status, msgspec.json.decode(channel.body)

    async def app_token(self) -> str:
        form = {"client_name": "house", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": SCOPES}
        app = await self.ask("POST", "/api/v1/apps", form=form)
        grant = {"grant_type": "client_credentials", "scope": SCOPES}
        proof = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
        return str((await self.ask("POST", "/oauth/token", form={**grant, **proof}))["access_token"])

    async def people(self, *names: str) -> list[Person]:
        """New accounts."""
        app_token = await self.app_token()
        return [await self.sign_up(name, app_token) for name in names]

    async def password_is(self, login: str, password: str) -> bool:
        """Whether somebody can log in with this."""
        await self.base.graph.sync()
        guesses = Guesses(self.base.store, self._ground.clock, self._ground.guesses)
        hasher, seal = self.base.hasher, self._ground.secrets
        try:
            passwords = Passwords(self.base.graph, guesses=guesses, seal=seal, hasher=hasher)
            await passwords.authenticate(login, password, network="")
        except WrongPassword:
            return False
        return True

    async def join(self, name: str, app_token: str, **more: str) -> str:
        """Sign somebody up; the token may stand for nobody yet."""
        form = {"username": name, "email": f"{name}@house.test", "password": secrets.token_hex(8), "agreement": "1"}
        joined = await self.ask("POST", "/api/v1/accounts", token=app_token, form={**form, **more})
        await asyncio.sleep(0.001)  # within one millisecond, ids of several shards do not sort by time
        return str(joined["access_token"])

    async def sign_up(self, name: str, app_token: str) -> Person:
        token = await self.join(name, app_token)
        own = await self.ask("GET", "/api/v1/accounts/verify_credentials", token=token)
        return Person(self, int(own["id"]), name, token)


class Person:
    """Somebody who lives there, and acts over the API."""

    def __init__(self, house: House, id_: int, name: str, token: str) -> None:
        self.id = id_
        self.name = name
        self.token = token
        self._house = house

    async def get(self, path: str, *, house: House | None = None) -> Any:
        """Read something, if need be from another process."""
        return await (house or self._house).ask("GET", path, token=self.token)

    async def do(
        self, path: str, form: Mapping[str, object] | None = None, *, house: House | None = None, status: int = 200
    ) -> Any:
        """Write something."""
        written = await (house or self._house).ask("POST", path, token=self.token, form=form, status=status)
        await asyncio.sleep(0.001)  # within one millisecond, ids of several shards do not sort by time
        return written

    async def follow(self, whom: Person) -> None:
        await self.do(f"/api/v1/accounts/{whom.id}/follow")

    async def post(self, text: str = "hello", **form: object) -> int:
        return int((await self.do("/api/v1/statuses", {"status": text, **form}))["id"])


@contextlib.asynccontextmanager
async def a_house(place: Place, folder: Path, outbound: Outbound | None = None) -> AsyncIterator[House]:
    """An installation on a place; its secret and slots rest in `folder`.

    Unless `outbound` says so it looks at no links, which lead to servers of others. It may stand still for as long as
    it likes, and mint ids all the same.
    """
    data, database = (Path(place.where), "") if place.engine == "sqlite" else (folder, place.where)
    data.mkdir(exist_ok=True)
    outbound = outbound or Outbound(previews=False)
    configuration = Configuration(url="http://house.test", data=str(data), database=database, outbound=outbound)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LeasedSlot, "LEASE_MS", HOUR_MS)
        patch.setattr(LeasedSlot, "AHEAD_MS", HOUR_MS)
        async with House(configuration, place).opened() as house:
            yield house
