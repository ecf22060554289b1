"""Errors of the HTTP surface, and the one JSON shape in which any error reaches a client.

``{"error": sentence}``, with ``error_description`` where OAuth asks for it, and ``details`` by field where a form
was refused. Which status and which headers go with it is decided here and nowhere else.
"""

from typing import TYPE_CHECKING

import msgspec

from ripstop.kernel.errors import Invalid, NotFound, RipstopError, Unauthenticated

if TYPE_CHECKING:
    from ripstop.surfaces.http.response import Headers

INVALID_TOKEN = "The access token is invalid"  # noqa: S105 - the sentence that clients know, no secret
MISSING_SCOPE = "This action is outside the authorized scopes"
NEEDS_USER = "This method requires an authenticated user"
PENDING = "Your login is currently pending approval"
INTERNAL = "Something went wrong on our side. It has been logged."


class MethodNotAllowed(RipstopError):
    """The path exists, and not with this method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This path answers {allowed} only")
        self.allowed = allowed


class RequestTimeout(RipstopError):
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"


class OAuthError(RipstopError):
    """An error with one of the codes of RFC 6749, section 5.2, such as ``invalid_grant``.

    :param error: the code, for programs.
    :param sentence: the description, for people.
    """

    def __init__(self, error: str, sentence: str, *, status: int = 400, cause: object = None) -> None:
        super().__init__(sentence, cause=cause)
        self.error = error
        self.status = status  # type: ignore[misc]  # the code decides: 400, or 401 for an unknown client


def no_such_path() -> NotFound:
    """What an unknown path, an unknown id and a malformed id all answer."""
    return NotFound("Record not found")


def error_body(error: RipstopError) -> bytes:
    """The error as JSON; holds the sentence, never the cause."""
    body: dict[str, object]
    if isinstance(error, OAuthError):
        body = {"error": error.error, "error_description": error.sentence}
    else:
        body = {"error": error.sentence}
        if isinstance(error, Invalid) and error.details:
            body["details"] = {
                field: [{"error": code, "description": sentence} for code, sentence in reasons]
                for field, reasons in error.details.items()
            }
    return msgspec.json.encode(body)


def error_headers(error: RipstopError) -> "Headers":
    """Headers that belong to this error, beside those of every JSON answer."""
    headers: Headers = []
    if error.retry_after is not None:
        headers.append(("retry-after", str(max(1, round(error.retry_after)))))
    elif error.status == 503:
        headers.append(("retry-after", "5"))
    if isinstance(error, Unauthenticated):
        headers.append(("www-authenticate", 'Bearer realm="Ripstop", error="invalid_token"'))
    if isinstance(error, MethodNotAllowed):
        headers.append(("allow", error.allowed))
    return headers
