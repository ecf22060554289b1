"""What entities have in common."""

from typing import Annotated

import msgspec


class Entity(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base of all. A key is always there unless its type takes UNSET, and there are no others."""


class Empty(Entity, kw_only=True):
    """Nothing to say."""


Id = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,19}$")]
Instant = Annotated[
    str,
    msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", extra_json_schema={"format": "date-time"}),
]
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$", extra_json_schema={"format": "date"})]
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://", extra_json_schema={"format": "uri"})]
Html = Annotated[str, msgspec.Meta(description="HTML with few, safe tags")]
Count = Annotated[int, msgspec.Meta(ge=0)]
