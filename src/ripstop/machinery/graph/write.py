"""A batch in the making, in the graph's own terms."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from ripstop.engines import batch as op
from ripstop.engines.batch import AnyOperation, Batch
from ripstop.kernel.ids import IdSource
from ripstop.machinery.functions import Function, call_put
from ripstop.machinery.graph.events import Events
from ripstop.machinery.graph.types import Association, ObjectType

T = TypeVar("T", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)


class Refused(Exception):
    """A precondition of the batch did not hold, so nothing of it was done."""

    def __init__(self, operation: AnyOperation, index: int) -> None:
        super().__init__(f"operation {index} refused: {operation!r}")
        self.operation = operation
        self.index = index


class Committed(NamedTuple):
    """What a batch changed: a number per operation, by the index that its method of `Write` returned."""

    changed: tuple[int, ...]


class Write:
    """Builds one batch with its home shard. Each method that adds an operation returns its index.

    The first call that it enqueues has an id below all others that it mints, so that the oldest unfinished call of a
    function bounds what that function has not seen yet.

    Used once: `Graph.commit` it, or give `batch()` to a function's outcome.
    """

    __slots__ = ("_call_id", "_events", "_ids", "_now_ms", "home", "ids", "lists", "live", "operations", "wakes")

    def __init__(self, home: int, *, ids: IdSource, events: Events, now_ms: Callable[[], int]) -> None:
        self.home = home
        self.operations: list[AnyOperation] = []
        self.ids: list[int] = []
        """Objects that this may change."""
        self.lists: list[tuple[int, int]] = []
        """Lists that this may change, by source and type, of both directions."""
        self.live: list[tuple[str, bytes]] = []
        self.wakes = False
        self._ids = ids
        self._events = events
        self._now_ms = now_ms
        self._call_id: int | None = ids.new(home)

    def _add(self, operation: AnyOperation) -> int:
        self.operations.append(operation)
        return len(self.operations) - 1

    def new_id(self) -> int:
        """A fresh id in the home shard."""
        return self._ids.new(self.home)

    def create(self, type_: ObjectType[T], id_: int, value: T) -> int:
        """Create an object; refused if its id was ever used."""
        self.ids.append(id_)
        return self._add(op.ObjectPut(id_, type_.number, type_.encode(value)))

    def patch(self, type_: ObjectType[Any], id_: int, *, version: int | None = None, **fields: object) -> int:
        """Set the named fields; refused if the object is gone, or is not at `version`. None removes a field, which
        then has its default."""
        unknown = fields.keys() - set(type_.struct.__struct_fields__)
        if unknown:
            raise ValueError(f"{type_.name} has no field {sorted(unknown)}")
        self.ids.append(id_)
        return self._add(op.ObjectPatch(id_, msgspec.json.encode(fields).decode(), version))

    def delete(self, id_: int) -> int:
        """Delete an object; its associations stay until they are removed."""
        self.ids.append(id_)
        return self._add(op.ObjectDelete(id_))

    def put(
        self,
        association: Association,
        source: int,
        target: int,
        *,
        order: int,
        flags: int = 0,
        data: msgspec.Struct | None = None,
        if_absent: bool = False,
        rising: bool = False,
    ) -> int:
        """Put an association and its inverse half; changes 1 if it is new.

        :param if_absent: leave one that is there.
        :param rising: leave one whose order is as high.
        """
        self._touch(association, source, target)
        text = None if data is None else msgspec.json.encode(data).decode()
        return self._add(op.AssociationPut(source, association.number, target, order, flags, text, if_absent, rising))

    def remove(self, association: Association, source: int, target: int) -> int:
        """Remove an association and its inverse half; changes 1 if it was there."""
        self._touch(association, source, target)
        return self._add(op.AssociationDelete(source, association.number, target))

    def _touch(self, association: Association, source: int, target: int) -> None:
        self.lists.append((source, association.number))
        inverse = association.engine.inverse
        if inverse is not None:
            self.lists.append((target, inverse))

    def claim(self, name: str, holder: int, *, expires: int | None = None) -> int:
        """Take a free name; refused if it is held. `expires` is an instant in milliseconds."""
        return self._add(op.NameSet(name, None, holder, expires))

    def transfer(self, name: str, expected: int, holder: int, *, expires: int | None = None) -> int:
        """Pass a name on; refused if `expected` does not hold it."""
        return self._add(op.NameSet(name, expected, holder, expires))

    def release(self, name: str, holder: int) -> int:
        """Free a name; refused if `holder` does not hold it."""
        return self._add(op.NameSet(name, holder, None))

    def check_object(self, id_: int, version: int | None = None) -> int:
        return self._add(op.CheckObject(id_, version))

    def check_name(self, name: str, holder: int | None) -> int:
        return self._add(op.CheckName(name, holder))

    def check_association(
        self, association: Association, source: int, target: int, *, present: bool = True, order: int | None = None
    ) -> int:
        return self._add(op.CheckAssociation(source, association.number, target, present, order))

    def call(
        self,
        function: Function[A],
        arguments: A,
        *,
        due: int = 0,
        key: str | None = None,
        namespace: str | None = None,
    ) -> int:
        """Enqueue a call, not to start before the instant `due`; with a key, coalesce with one that has not started."""
        now_ms = self._now_ms()
        if due <= now_ms:  # or the engine, if its clock is behind, would keep it until somebody looks again
            due, self.wakes = 0, True
        call_id, self._call_id = self._call_id or self.new_id(), None
        return self._add(
            call_put(function, arguments, id=call_id, now_ms=now_ms, due=due, key=key, namespace=namespace)
        )

    def emit(self, event: msgspec.Struct) -> None:
        """Durable subscribers become calls of this batch; live ones hear of it after the commit."""
        for function, due, namespace in self._events.calls_for(event):
            self.call(function, event, due=due, namespace=namespace)
        topics = self._events.topics_for(event)
        if topics:
            payload = msgspec.json.encode(event)
            self.live.extend((topic, payload) for topic in topics)

    def batch(self) -> Batch:
        """The batch as the engine takes it."""
        return Batch(self.home, self.operations)
