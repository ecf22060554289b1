"""What a form must hold before it becomes an account or a profile. Each check gives its findings, all at once."""

import re
from collections import defaultdict
from collections.abc import Iterable

from ripstop.domain.accounts.model import Field
from ripstop.kernel.errors import Invalid

MAX_USERNAME = 30
MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_EMAIL = 254
"""Of an address as a whole, by RFC 5321, section 4.5.3.1.3 (256 octets of a path, its brackets included)."""
MAX_REASON = 500
MAX_DISPLAY_NAME = 30
MAX_NOTE = 500
MAX_FIELDS = 4
MAX_FIELD = 255
MAX_DOMAIN = 253
"""Of the name of a server, by RFC 1035, section 2.3.4."""
MOST_DOMAINS = 25
"""Sites that one account names as places where it writes."""

RESERVED_USERNAMES = frozenset(
    [
        "abuse",
        "admin",
        "administrator",
        "help",
        "host",
        "hostmaster",
        "info",
        "mailer-daemon",
        "mastodon",
        "mod",
        "moderation",
        "moderator",
        "noreply",
        "no_reply",
        "nobody",
        "owner",
        "postmaster",
        "ripstop",
        "root",
        "security",
        "staff",
        "support",
        "system",
        "webmaster",
    ]
)

_USERNAME = re.compile(r"[a-z0-9_]+", re.IGNORECASE | re.ASCII)
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\\x00-\x1f]+@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W_](?:[\w-]{0,61}[^\W_])?(?::[0-9]{1,5})?")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,2}", re.ASCII)

_SENTENCES = {
    "ERR_BLANK": "can't be blank",
    "ERR_INVALID": "is invalid",
    "ERR_TAKEN": "has already been taken",
    "ERR_RESERVED": "is reserved",
    "ERR_ACCEPTED": "must be accepted",
    "ERR_INCLUSION": "is not a supported value",
}


class Findings:
    """What is wrong with a form, field by field, in the shape that clients of the Mastodon API show."""

    def __init__(self) -> None:
        self._details: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def add(self, field: str, code: str, sentence: str = "") -> None:
        """Note a finding; `sentence` goes on where the field's name ends."""
        self._details[field].append((code, sentence or _SENTENCES[code]))

    def settle(self) -> None:
        """Pass if nothing was found.

        :raises Invalid: with all findings.
        """
        if self._details:
            sentences = [
                f"{field.replace('_', ' ').capitalize()} {sentence}"
                for field, reasons in self._details.items()
                for _, sentence in reasons
            ]
            raise Invalid(f"Validation failed: {', '.join(sentences)}", details=dict(self._details))


def check_username(username: str, findings: Findings) -> None:
    """Letters, digits and underscores of ASCII, at most 30, and none that could be taken for the operator."""
    if not username:
        findings.add("username", "ERR_BLANK")
        return
    if not _USERNAME.fullmatch(username):
        findings.add("username", "ERR_INVALID", "must contain only letters, numbers and underscores")
    if len(username) > MAX_USERNAME:
        findings.add("username", "ERR_TOO_LONG", f"is too long (maximum is {MAX_USERNAME} characters)")
    if username.lower() in RESERVED_USERNAMES:
        findings.add("username", "ERR_RESERVED")


def check_email(email: str, findings: Findings) -> str:
    """The address as it is kept and compared: trimmed, in lower case."""
    normalised = email.strip().lower()
    if not normalised:
        findings.add("email", "ERR_BLANK")
    elif len(normalised) > MAX_EMAIL or not _EMAIL.fullmatch(normalised):
        findings.add("email", "ERR_INVALID")
    return normalised


def check_password(password: str, findings: Findings) -> None:
    """Its length alone: rules about kinds of characters make passwords worse (NIST SP 800-63B, 3.1.1.2)."""
    if not password:
        findings.add("password", "ERR_BLANK")
    elif len(password) < MIN_PASSWORD:
        findings.add("password", "ERR_TOO_SHORT", f"is too short (minimum is {MIN_PASSWORD} characters)")
    elif len(password) > MAX_PASSWORD:
        findings.add("password", "ERR_TOO_LONG", f"is too long (maximum is {MAX_PASSWORD} characters)")


def check_locale(locale: str, findings: Findings) -> None:
    """A language tag; which languages there are is nothing that a form must know."""
    if not _LOCALE.fullmatch(locale):
        findings.add("locale", "ERR_INCLUSION")


def check_length(field: str, value: str, most: int, findings: Findings) -> None:
    """At most so many characters."""
    if len(value) > most:
        findings.add(field, "ERR_TOO_LONG", f"is too long (maximum is {most} characters)")


def check_fields(fields: Iterable[Field], findings: Findings) -> tuple[Field, ...]:
    """The lines of a profile that are not empty; at most four, each with a name."""
    kept = tuple(field for field in fields if field.name.strip() or field.value.strip())
    if len(kept) > MAX_FIELDS:
        findings.add("fields", "ERR_TOO_MANY", f"are too many (maximum is {MAX_FIELDS})")
    if any(not field.name.strip() for field in kept):
        findings.add("fields", "ERR_BLANK", "must each have a name")
    if any(len(field.name) > MAX_FIELD or len(field.value) > MAX_FIELD for field in kept):
        findings.add("fields", "ERR_TOO_LONG", f"are too long (maximum is {MAX_FIELD} characters)")
    return kept


def check_domains(domains: Iterable[str], findings: Findings) -> tuple[str, ...]:
    """The names of sites that are not empty, each once, in lower case."""
    kept = tuple(dict.fromkeys(name for domain in domains if (name := tidy_domain(domain))))
    if len(kept) > MOST_DOMAINS:
        findings.add("attribution_domains", "ERR_TOO_MANY", f"are too many (maximum is {MOST_DOMAINS})")
    if not all(is_domain(name) for name in kept):
        findings.add("attribution_domains", "ERR_INVALID", "must be names of sites")
    return kept


def tidy_domain(domain: str) -> str:
    """The name of a server as it is compared: without the addresses that people paste."""
    return domain.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/.")


def is_domain(name: str) -> bool:
    """Whether this, tidied, could be the name of a server, with a port at most."""
    return len(name) <= MAX_DOMAIN and _DOMAIN.fullmatch(name) is not None


def is_language(tag: str) -> bool:
    """Whether this could be a language tag of ISO 639, with a region or script at most."""
    return _LOCALE.fullmatch(tag) is not None
