"""What this server says of itself."""

import base64
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ripstop.domain.settings import Settings
from ripstop.kernel.secrets import Secrets

MASTODON_VERSION = "4.5.0"
"""The release whose client API is spoken: with grouped notifications and their policy (4.3), and quotes (4.5)."""
API_VERSIONS = {"mastodon": 7, "ripstop": 1}
"""By name of the server. Of `mastodon`, 2 promises grouped notifications, and 7 quotes."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that are fixed while the server runs.

    :param origin: the public URL, without a slash at the end.
    :param version: our own.
    :param vapid_key: public key of Web Push, as clients expect it.
    :param title: what it is called while the staff says nothing else, as `description`.
    """

    origin: str
    version: str
    vapid_key: str
    title: str = "Ripstop"
    description: str = "A public-conversation server that does not tear under load."

    def named(self, settings: Settings) -> "Site":
        """The same with the title and the description that the staff gave it."""
        title, description = settings.title or self.title, settings.description or self.description
        return msgspec.structs.replace(self, title=title, description=description)

    @property
    def domain(self) -> str:
        """What stands after the @ of those who live here."""
        return urlsplit(self.origin).netloc

    @property
    def product(self) -> str:
        """The version in the form that clients parse: three dotted numbers first, the real name after them."""
        return f"{MASTODON_VERSION} (compatible; Ripstop {self.version})"

    @property
    def streaming(self) -> str:
        """Base of the streaming API."""
        return "ws" + self.origin.removeprefix("http")


def vapid_key(secrets: Secrets) -> str:
    """The public key of Web Push (RFC 8292, section 3.2), which follows from the server's secret."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-5)
    private = ec.derive_private_key(int.from_bytes(secrets.key("vapid"), "big") % (order - 1) + 1, ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")
