"""Batches: what is written, and what became of it.

A batch has a *home* shard. Outside of it, it may touch only names, the inverse halves of associations, and the end
of the call whose effect it is. It is applied whole or, if one of its preconditions does not hold, not at all.
Operations are applied in their order, after all checks.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class Operation(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="op"):
    """Base of everything that can stand in a batch. As JSON: an array that begins with the tag."""


class CheckObject(Operation, frozen=True, tag="co"):
    """Precondition: the object is there, and at this version if one is named."""

    id: int
    version: int | None = None


class CheckName(Operation, frozen=True, tag="cn"):
    """Precondition: the name is held by `holder`, or is free (None)."""

    name: str
    holder: int | None


class CheckAssociation(Operation, frozen=True, tag="ca"):
    """Precondition: the association is there, in this order if one is named; or is not."""

    source: int
    type: int
    target: int
    present: bool = True
    order: int | None = None


class CheckLease(Operation, frozen=True, tag="cl"):
    """Precondition: the call is still leased under this token."""

    call: int
    token: int


class ObjectPut(Operation, frozen=True, tag="op"):
    """Create an object at version 1. Refused if the id exists, or existed."""

    id: int
    type: int
    data: str


class ObjectPatch(Operation, frozen=True, tag="ou"):
    """Set the named top-level fields of an object, remove those set to null, leave all others alone.

    Refused if the object is not there, or is not at `version` where one is given.
    """

    id: int
    patch: str
    version: int | None = None


class ObjectDelete(Operation, frozen=True, tag="od"):
    """Delete an object and leave a tombstone; its associations stay until they are deleted. Changes 0 if absent."""

    id: int


class AssociationPut(Operation, frozen=True, tag="ap"):
    """Put a forward association with its inverse half; both counts move by the rows that were really new.

    An existing one gets the new order, flags and data, unless `if_absent`, or `rising` and its order is as high
    already: then it is left as it is. Changes: 1 new, 0 was there before (updated or left).
    """

    source: int
    type: int
    target: int
    order: int
    flags: int = 0
    data: str | None = None
    if_absent: bool = False
    rising: bool = False


class AssociationDelete(Operation, frozen=True, tag="ad"):
    """Delete a forward association with its inverse half. Changes 1, or 0 if it was not there."""

    source: int
    type: int
    target: int


class NameSet(Operation, frozen=True, tag="ns"):
    """Claim, release or transfer a name as one compare-and-set; refused if the holder is not `expected`.

    None stands for free, and an expired name is free. `expires` is an instant in milliseconds, or None.
    """

    name: str
    expected: int | None
    holder: int | None
    expires: int | None = None


class CallPut(Operation, frozen=True, tag="cp"):
    """Enqueue a call; `id` is minted in the home shard. With a `key`, coalesce: while a call of the same function
    and key is waiting or ready, nothing is added (changes 0).

    `due` is the instant from which it may start (0: at once), `deadline` the one by which it should have. Calls of
    one function and `namespace` form a line, and lines share what workers take. `parent` is the call that this one
    is a part of.
    """

    id: int
    function: str
    arguments: str
    due: int = 0
    deadline: int = 0
    criticality: int = 2
    key: str | None = None
    namespace: str | None = None
    parent: int | None = None


class CallDone(Operation, frozen=True, tag="cd"):
    """The call has had its effect, which is the rest of this batch. Refused without the lease.

    A dead call is dropped in the same way, under the token that it died with.
    """

    call: int
    token: int


class CallAgain(Operation, frozen=True, tag="cg"):
    """Hand the call back, to start again at `due` (0: at once) as attempt number `attempt`. Refused without the lease.

    A dead call is sent again in the same way, under the token that it died with.
    """

    call: int
    token: int
    due: int
    attempt: int
    checkpoint: str | None = None
    error: str | None = None


class CallDead(Operation, frozen=True, tag="cx"):
    """Out of attempts, or hopeless: keep the call with its error, to be looked at. Refused without the lease."""

    call: int
    token: int
    error: str


Condition = CheckObject | CheckName | CheckAssociation | CheckLease
CallFinish = CallDone | CallAgain | CallDead
AnyOperation = (
    Condition
    | ObjectPut
    | ObjectPatch
    | ObjectDelete
    | AssociationPut
    | AssociationDelete
    | NameSet
    | CallPut
    | CallFinish
)


class Batch(NamedTuple):
    """Operations that happen together. `home` is a shard, 0 to 1,023."""

    home: int
    operations: Sequence[AnyOperation]


class Outcome(NamedTuple):
    """What became of a batch.

    Applied: `refused` is None and `changed` holds a number per operation, 1 if it changed something (checks: 0).
    Not applied: `refused` is the index of the first operation whose precondition did not hold; `changed` is empty.
    """

    changed: tuple[int, ...]
    refused: int | None = None

    @property
    def applied(self) -> bool:
        return self.refused is None
