"""All of it together, for those who look at a server that runs."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from ripstop.engines.base import Store
from ripstop.kernel.configuration import Configuration
from ripstop.machinery.functions.report import overview
from ripstop.surfaces.condition import load, machine
from ripstop.surfaces.condition.finding import Finding, State
from ripstop.surfaces.condition.store import clocks, writes

_ORDER = (State.WRONG, State.WARNING, State.FINE)


class Condition:
    """Looks at the server that this process belongs to.

    :param snapshots: the figures of each living process of it.
    :param ages: seconds since each of its processes began, by name.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        *,
        snapshots: Callable[[], Sequence[bytes]],
        ages: Callable[[], Mapping[str, float]],
    ) -> None:
        self._configuration = configuration
        self._store = store
        self._snapshots = snapshots
        self._ages = ages

    async def findings(self) -> list[Finding]:
        """Everything that there is to be found, the worst first. At most five engine calls."""
        found = [load.processes(self._snapshots()), *load.functions(await overview(self._store))]
        found += [*writes(self._store), await clocks(self._store), *await asyncio.to_thread(lambda: [*self._machine()])]
        return sorted(found, key=lambda finding: _ORDER.index(finding.state))

    def _machine(self) -> Iterator[Finding]:
        """What is to be found in files, which may take a moment."""
        configuration = self._configuration
        yield load.processors()
        yield load.memory()
        for path in machine.folders(configuration):
            yield machine.disk(path, machine.disk_of(path))
        yield from machine.data_folder(configuration, user=os.geteuid(), mounts=machine.mounts())
        yield from machine.secret(configuration, has_store=True)
        yield from machine.addresses(configuration)
        yield machine.open_files(configuration)
        yield from machine.processes(self._ages())
        yield machine.last_backup(configuration)
