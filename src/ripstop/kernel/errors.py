"""The errors that may reach a client, each with a status, a code and a safe sentence.

The *sentence* is written for the person at the other end and holds nothing private. What the operator needs goes
into the *cause*, which is logged and never sent. A surface turns any of these into its one error shape; every
other exception is a fault of ours and becomes a 500.
"""

from typing import ClassVar


class RipstopError(Exception):
    """Base of all errors with a meaning for the client.

    :param sentence: what went wrong, for the client.
    :param cause: what went wrong, for the log.
    :param retry_after: seconds after which trying again makes sense, where it does.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, sentence: str, *, cause: object = None, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.cause = cause
        self.retry_after = retry_after


class BadRequest(RipstopError):
    """The request cannot be understood: wrong types, broken encoding, missing parts."""

    status = 400
    code = "bad_request"


class Unauthenticated(RipstopError):
    """No token, or one that is unknown, expired or revoked."""

    status = 401
    code = "unauthenticated"


class Forbidden(RipstopError):
    """Known who asks, and it is not allowed."""

    status = 403
    code = "forbidden"


class NotFound(RipstopError):
    """No such thing, or none that this viewer may know of."""

    status = 404
    code = "not_found"


class Gone(NotFound):
    """It was there, and will not come back."""

    status = 410
    code = "gone"


class Conflict(RipstopError):
    """Somebody else changed the same thing first."""

    status = 409
    code = "conflict"


class TooLarge(RipstopError):
    """The body is larger than this endpoint takes."""

    status = 413
    code = "too_large"


class Invalid(RipstopError):
    """Understood, and refused for its content.

    :param details: field name to the reasons, each a pair of a code such as ``ERR_TAKEN`` and a sentence.
    """

    status = 422
    code = "invalid"

    def __init__(
        self,
        sentence: str,
        *,
        details: dict[str, list[tuple[str, str]]] | None = None,
        cause: object = None,
    ) -> None:
        super().__init__(sentence, cause=cause)
        self.details = details or {}


class TooManyRequests(RipstopError):
    """A limit by account, token or network is reached."""

    status = 429
    code = "too_many_requests"


class Unavailable(RipstopError):
    """The server cannot do it now and changed nothing. Base of what is answered with 503 and Retry-After."""

    status = 503
    code = "unavailable"


class Overloaded(Unavailable):
    """Refused early, before any work was done for it."""

    code = "overloaded"


class DeadlineExceeded(Unavailable):
    """A batch waited too long for its turn and was refused before it began."""

    code = "deadline_exceeded"


class ReadOnly(Unavailable):
    """The store takes no writes: disk nearly full, a failed commit, or a backup being restored."""

    code = "read_only"
