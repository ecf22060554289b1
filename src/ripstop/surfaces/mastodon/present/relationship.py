"""The Relationship entity: how the viewer stands to an account."""

from collections.abc import Iterable

import msgspec

from ripstop.domain.follows.queries import Relation


class Relationship(msgspec.Struct, frozen=True, kw_only=True):
    """As the API documents it. Nobody lives on a server that could be blocked."""

    id: str
    following: bool
    showing_reblogs: bool
    notifying: bool
    languages: tuple[str, ...] | None
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    requested: bool
    requested_by: bool
    note: str
    endorsed: bool
    domain_blocking: bool = False


def relationship(relation: Relation) -> bytes:
    """One Relationship."""
    return msgspec.json.encode(_entity(relation))


def relationships(relations: Iterable[Relation]) -> bytes:
    """A JSON list of Relationship."""
    return msgspec.json.encode([_entity(relation) for relation in relations])


def _entity(relation: Relation) -> Relationship:
    return Relationship(
        id=str(relation.id),
        following=relation.follows,
        showing_reblogs=relation.shows_reposts,
        notifying=relation.notifies,
        languages=relation.languages or None,
        followed_by=relation.followed_by,
        blocking=relation.blocks,
        blocked_by=relation.blocked_by,
        muting=relation.mutes,
        muting_notifications=relation.mutes_notifications,
        requested=relation.request is not None,
        requested_by=relation.requested_by,
        note=relation.note,
        endorsed=relation.endorses,
    )
