"""What the staff says about the server, while it runs: rules, texts, and whether newcomers are let in.

One object, and one row beside it, whose change drops what each process keeps of the settings; so whoever reads them
asks no store, and knows of a change as soon as of any other.
"""

import msgspec

from ripstop.engines.base import Counted
from ripstop.kernel.errors import Forbidden
from ripstop.machinery.graph import Graph, ObjectType, TypeSet, association


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A rule of this server. Its id stays as long as its text."""

    id: int
    text: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All settings. Texts are plain text; an empty one means that there is none.

    `title` and `description` are what the server is called, and is, in a line; `contact_account` is who answers
    questions. `registrations` says whether newcomers are let in, `closed_message` what they are told if not;
    `approval_required` that the staff looks at each first, and `reason_required` that they must say why they come.
    `terms_at` is the instant since which the terms of service are these, `next_rule` the id of the next rule.
    Instants, as `updated_at`, are milliseconds since the Unix epoch.
    """

    title: str = ""
    description: str = ""
    registrations: bool = True
    approval_required: bool = False
    reason_required: bool = False
    closed_message: str = ""
    contact_email: str = ""
    contact_account: int | None = None
    extended_description: str = ""
    privacy_policy: str = ""
    terms_of_service: str = ""
    terms_at: int | None = None
    rules: tuple[Rule, ...] = ()
    next_rule: int = 1
    updated_at: int | None = None


class Held(msgspec.Struct, frozen=True, gc=False):
    """The data of the row beside the settings: their version."""

    version: int


SETTINGS = ObjectType(16, "settings", Settings)
HOLDS_SETTINGS = association(68, "holds_settings", counted=Counted.NO)
"""SETTINGS_ID to itself; the data is a `Held`."""

SETTINGS_ID = 2
"""The id of the settings. Minted ids are far above."""

OBJECTS = (SETTINGS,)
ASSOCIATIONS = (HOLDS_SETTINGS,)

OWN_SETTINGS = TypeSet(HOLDS_SETTINGS)
"""What is kept of the settings goes when this list changes."""

_NONE = Settings()


async def settings_of(graph: Graph) -> Settings:
    """The settings as they are now. From the cache, or with one engine call."""
    known: Settings | None = graph.recall(SETTINGS_ID, OWN_SETTINGS)
    if known is not None:
        return known
    return await graph.remember(SETTINGS_ID, OWN_SETTINGS, _look(graph), size=_size)


async def _look(graph: Graph) -> Settings:
    entry = await graph.get(SETTINGS, SETTINGS_ID)
    return _NONE if entry is None else entry.value


def _size(settings: Settings) -> int:
    """About how many bytes they take."""
    long = (settings.extended_description, settings.privacy_policy, settings.terms_of_service)
    texts = (*long, *(rule.text for rule in settings.rules))
    return 3_000 + sum(2 * len(text) for text in texts)


async def check_open(graph: Graph) -> Settings:
    """Pass if newcomers are let in, at once or once they are approved. As many engine calls as `settings_of`.

    :returns: the settings.

    :raises Forbidden: they are not; with what the staff says to that.
    """
    settings = await settings_of(graph)
    if not settings.registrations:
        raise Forbidden(settings.closed_message or "This server takes no new accounts now")
    return settings
