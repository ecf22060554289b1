"""What is kept of an account, and of those who act for it. Instants are milliseconds since the Unix epoch."""

import hashlib

import msgspec

from ripstop.domain.accounts.roles import NO_ROLE
from ripstop.engines.base import Counted
from ripstop.machinery.graph import ObjectType, association, association_pair

PUBLIC, UNLISTED, PRIVATE, DIRECT = "public", "unlisted", "private", "direct"
VISIBILITIES = (PUBLIC, UNLISTED, PRIVATE, DIRECT)
"""From the widest to the narrowest: everybody; everybody who comes by; followers; those who are mentioned."""

FOLLOWERS, NOBODY = "followers", "nobody"
QUOTE_POLICIES = (PUBLIC, FOLLOWERS, NOBODY)
"""Who may quote a post beside its author."""

EVERYONE, FOLLOWING, MENTIONED = "everyone", "following", "mentioned"
REPLY_POLICIES = (EVERYONE, FOLLOWING, FOLLOWERS, MENTIONED)
"""Who may answer in a thread beside its author and those whom it names: everybody; whom the author follows; who follows
the author; nobody."""


class Field(msgspec.Struct, frozen=True, gc=False):
    """A line of a profile: a name and a value, both plain text."""

    name: str
    value: str


class Picture(msgspec.Struct, frozen=True, gc=False):
    """A picture as a profile shows it: the id of the image, and the key that names its blobs."""

    image: int
    key: str


NO_PICTURE = Picture(0, "")
"""What takes a picture's place to say that there shall be none."""


class Account(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A profile, and how its owner wants to be met. Counts are not here: they belong to the lists.

    `username` keeps the case in which it was chosen; the name `acct:<domain>/<lower-case username>` makes it unique.
    `domain` is empty for those who live here. `note` and `fields` are plain text, as the owner wrote them.
    `discoverable` None means: never asked. `posting_*` are the owner's defaults for new posts. `attribution_domains`
    are sites that may name the owner as an author, in lower case. `suspended_at` is the instant since which nobody is
    shown the account or anything of it, and its owner is shut out. `watched` says that there may be followers who want
    to be told of each new post. `role` is one of `ripstop.domain.accounts.roles.ROLES`.

    What moderators say of it beside that: since `limited_at` only those who follow the account meet it in what is for
    everybody; since `disabled_at` its owner is shut out; since `sensitized_at` whatever it posts is sensitive. While it
    is `pending`, nobody but the staff is shown it, and its owner waits to be let in.
    """

    username: str
    created_at: int
    domain: str = ""
    credentials: int | None = None
    display_name: str = ""
    note: str = ""
    fields: tuple[Field, ...] = ()
    locked: bool = False
    bot: bool = False
    discoverable: bool | None = None
    indexable: bool = False
    hide_collections: bool = False
    avatar: Picture | None = None
    header: Picture | None = None
    posting_visibility: str = PUBLIC
    posting_sensitive: bool = False
    posting_language: str | None = None
    posting_quote_policy: str = PUBLIC
    posting_reply_policy: str = EVERYONE

    attribution_domains: tuple[str, ...] = ()
    suspended_at: int | None = None
    watched: bool = False
    role: str = NO_ROLE
    limited_at: int | None = None
    disabled_at: int | None = None
    sensitized_at: int | None = None
    pending: bool = False

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    @property
    def is_hidden(self) -> bool:
        """Whether nobody is shown it: it is suspended, or waits to be let in."""
        return self.suspended_at is not None or self.pending

    @property
    def is_shut_out(self) -> bool:
        """Whether its owner can do nothing."""
        return self.suspended_at is not None or self.disabled_at is not None or self.pending

    @property
    def acct(self) -> str:
        """`alice` for those who live here, `dan@remote.example` for others."""
        return f"{self.username}@{self.domain}" if self.domain else self.username


class Passkey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key that a device of the owner holds, by which it signs challenges (WebAuthn).

    `credential` is what the device gave out of it, in base64url: its id and its public key. `transports` are hints on
    how a browser reaches the device. `used_at` is the instant of the challenge that it last signed; it signs no older
    one. `signed` is the device's own count of signatures, 0 where it keeps none.
    """

    id: str
    name: str
    credential: str
    created_at: int
    transports: tuple[str, ...] = ()
    used_at: int = 0
    signed: int = 0


class Credentials(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the owner of an account proves to be it. Never shown, never in a log.

    Exactly one of `password_sealed` (under the server's secret, until the worker has hashed it) and `password_hash`
    (argon2) is there.

    Second factors: `totp_sealed` is the key of the owner's authenticator app, under the server's secret, and
    `totp_step` the step of time whose code was last used; `passkeys` are keys of devices. Where there is either,
    `recovery_hashes` are the SHA-256 of the recovery codes that were not used yet.
    """

    account: int
    email: str
    created_at: int
    password_sealed: str | None = None
    password_hash: str | None = None
    locale: str = "en"
    reason: str = ""
    totp_sealed: str | None = None
    totp_step: int = 0
    passkeys: tuple[Passkey, ...] = ()
    recovery_hashes: tuple[str, ...] = ()

    @property
    def has_second_factor(self) -> bool:
        """Whether the password alone lets nobody in."""
        return self.totp_sealed is not None or bool(self.passkeys)


class Application(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A program that people use, registered by itself. Its client id is the object's id.

    `secret_hash` is the SHA-256 of the client secret, in hex. `is_used` says that it was given a token once.
    """

    name: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    secret_hash: str
    created_at: int
    website: str | None = None
    is_used: bool = False


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The right to act with some scopes: for an account, or (None) for the application alone.

    Found by the name `token/<SHA-256 of the secret in hex>`; the secret itself is kept nowhere. Lives in the shard
    of what it acts for. `pending` says that the account was so when it was made: whoever finds it looks whether it
    still is.
    """

    application: int
    scopes: tuple[str, ...]
    hash: str
    created_at: int
    account: int | None = None
    expires_at: int | None = None
    pending: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A browser in which the owner of an account is logged in.

    Found by the name `session/<SHA-256 of the cookie's secret in hex>`. Lives in the account's shard. `agent` is what
    the browser called itself.
    """

    account: int
    hash: str
    created_at: int
    expires_at: int
    agent: str = ""


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The consent of an account's owner that an application may have a token, as an authorisation code.

    Found by the name `code/<SHA-256 of the code in hex>`. Lives in the account's shard. `challenge` is that of PKCE
    (S256), `token` what the code was exchanged for: it stays here so that a second exchange can revoke it.
    """

    application: int
    account: int
    redirect_uri: str
    scopes: tuple[str, ...]
    hash: str
    created_at: int
    expires_at: int
    challenge: str | None = None
    token: int | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The data of an entry in an account's security log. `about` is what it was done with, such as a passkey's name."""

    what: str
    about: str = ""


class MarkerData(msgspec.Struct, frozen=True, gc=False):
    """When a marker was set, and how often before."""

    updated_at: int
    version: int


ACCOUNT = ObjectType(1, "account", Account)
CREDENTIALS = ObjectType(2, "credentials", Credentials)
APPLICATION = ObjectType(3, "application", Application)
TOKEN = ObjectType(4, "token", Token)
SESSION = ObjectType(11, "session", Session)
GRANT = ObjectType(12, "grant", Grant)

HOLDS_TOKEN = association(19, "holds_token", counted=Counted.NO)
"""Account to each of its tokens, so that all can be listed and revoked; the order is the token's id."""

READ_UP_TO = association(20, "read_up_to", counted=Counted.NO)
"""Account to one of `MARKERS`; the order is the id up to which its owner has read, the data is `MarkerData`."""

HOLDS_SESSION = association(39, "holds_session", counted=Counted.NO)
"""Account to each of its sessions; the order is the session's id."""

IN_DIRECTORY, DIRECTORY = association_pair(
    (50, "in_directory"), (51, "directory"), counted=Counted.NO, inverse_counted=Counted.NO
)
"""Account to DIRECTORY_ROOT, while its owner agrees to be found there (`discoverable`); the order is an id minted at
that."""

DIRECTORY_ROOT = 3
"""The id under which everybody who agreed stands in DIRECTORY. No object has it."""

SERVES, STAFF = association_pair((62, "serves"), (63, "staff"), counted=Counted.NO, inverse_counted=Counted.NO)
"""Account with a role to STAFF_ROOT; the order is an id minted when it got its first one."""

STAFF_ROOT = 4
"""The id under which everybody with a role stands in STAFF. No object has it."""

WAITS, WAITING = association_pair((70, "waits"), (71, "waiting"), counted=Counted.NO, inverse_counted=Counted.NO)
"""Pending account to WAITING_ROOT, until it is let in or rejected; the order is the account's id."""

WAITING_ROOT = 7
"""The id under which everybody who waits to be let in stands in WAITING. No object has it."""

SECURITY_LOG = association(69, "security_log", counted=Counted.NO)
"""Account to each entry of its security log, an id minted at that, which is the order too; the data is an
`Incident`."""

MARKERS = {"home": 1, "notifications": 2}
"""What one can have read up to a point: its name, and the number that stands as a target."""

OBJECTS = (ACCOUNT, CREDENTIALS, APPLICATION, TOKEN, SESSION, GRANT)
ASSOCIATIONS = (
    HOLDS_TOKEN,
    READ_UP_TO,
    HOLDS_SESSION,
    IN_DIRECTORY,
    DIRECTORY,
    SERVES,
    STAFF,
    WAITS,
    WAITING,
    SECURITY_LOG,
)


def account_name(username: str, domain: str = "") -> str:
    """The name by which an account is found and kept unique."""
    return f"acct:{domain.lower()}/{username.lower()}"


def mail_name(email: str) -> str:
    """The name that keeps an address of e-mail unique; `email` as it is normalised by `check_email`."""
    return f"mail/{email}"


def token_name(digest: str) -> str:
    """The name by which a token is found; `digest` is the SHA-256 of its secret in hex."""
    return f"token/{digest}"


def session_name(digest: str) -> str:
    """The name by which a session is found; `digest` is the SHA-256 of its secret in hex."""
    return f"session/{digest}"


def passkey_name(credential: str) -> str:
    """The name by which the account of a passkey is found; `credential` is its id in base64url."""
    return f"passkey/{hashlib.sha256(credential.encode()).hexdigest()}"


def code_name(digest: str) -> str:
    """The name by which a grant is found; `digest` is the SHA-256 of its code in hex."""
    return f"code/{digest}"
