"""The Application and Token entities."""

import msgspec

from ripstop.domain.accounts.applications import Granted
from ripstop.domain.accounts.model import Application


def application_fields(id_: int, application: Application, vapid_key: str) -> dict[str, object]:
    """An Application as anybody with a token of it may see it."""
    return {
        "id": str(id_),
        "name": application.name,
        "website": application.website,
        "scopes": application.scopes,
        "redirect_uris": application.redirect_uris,
        "redirect_uri": "\n".join(application.redirect_uris),
        "vapid_key": vapid_key,
    }


def credential_application_fields(id_: int, application: Application, secret: str, vapid_key: str) -> dict[str, object]:
    """A CredentialApplication: with what proves to be it, shown once. The secret does not expire."""
    return {
        **application_fields(id_, application, vapid_key),
        "client_id": str(id_),
        "client_secret": secret,
        "client_secret_expires_at": 0,
    }


def token(granted: Granted) -> bytes:
    """A Token, as clients keep it."""
    fields = {
        "access_token": granted.secret,
        "token_type": "Bearer",
        "scope": " ".join(granted.token.scopes),
        "created_at": granted.token.created_at // 1_000,
    }
    return msgspec.json.encode(fields)
