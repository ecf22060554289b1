"""What clients ask for and this server does not have: the answers that the documentation gives for that.

Whatever has no endpoint at all is 404 as well; what stands here needs a list, or a sentence that tells why.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from ripstop.kernel.errors import Forbidden, Invalid, NotFound
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Response, empty, json
from ripstop.surfaces.http.routing import Auth, Route

Handle = Callable[[Request, Any], Awaitable[Response]]


def leftover_routes() -> list[Route]:
    """The routes. Nothing here asks the store."""
    return [
        Route("GET", "/api/v1/instance/translation_languages", _always({})),
        Route("GET", "/api/v1/peers/search", _always([])),
        Route("GET", "/api/v1/timelines/link", _always([]), auth=Auth.OPTIONAL),
        Route("GET", "/api/v1/accounts/{id}/identity_proofs", _always([])),
        Route("POST", "/api/v1/announcements/{id}/dismiss", _missing, scope="write:accounts", auth=Auth.USER),
        Route("GET", "/api/v1/scheduled_statuses/{id}", _missing, scope="read:statuses", auth=Auth.USER),
        Route("PUT", "/api/v1/scheduled_statuses/{id}", _missing, scope="write:statuses", auth=Auth.USER),
        Route("DELETE", "/api/v1/scheduled_statuses/{id}", _missing, scope="write:statuses", auth=Auth.USER),
        Route("GET", "/api/v1/polls/{id}", _missing, auth=Auth.OPTIONAL),
        Route("POST", "/api/v1/polls/{id}/votes", _missing, scope="write:statuses", auth=Auth.USER),
        *_push_routes(),
        Route("POST", "/api/v1/emails/confirmations", _confirmed, scope="write:accounts", auth=Auth.APP),
        Route("GET", "/api/v1/emails/check_confirmation", _always(True), auth=Auth.USER),
        Route("POST", "/api/v1/statuses/{id}/translate", _missing, auth=Auth.OPTIONAL),
    ]


def _push_routes() -> list[Route]:
    path, refuse = "/api/v1/push/subscription", _cannot("Push notifications are not possible")
    return [
        Route("GET", path, _missing, scope="push", auth=Auth.USER),
        Route("POST", path, refuse, scope="push", auth=Auth.USER),
        Route("PUT", path, _missing, scope="push", auth=Auth.USER),
        Route("DELETE", path, _nothing_to_do, scope="push", auth=Auth.USER),
    ]


def _always(answer: object) -> Handle:
    async def always(request: Request, params: None) -> Response:
        """There is nothing of the kind on this server."""
        return json(answer)

    return always


def _cannot(what: str) -> Handle:
    async def cannot(request: Request, params: None) -> NoReturn:
        """Not possible on this server yet."""
        raise Invalid(f"{what} on this server yet")

    return cannot


async def _missing(request: Request, params: None) -> NoReturn:
    """There is none on this server."""
    raise NotFound("Record not found")


async def _nothing_to_do(request: Request, params: None) -> Response:
    """There is none to be removed."""
    return empty()


async def _confirmed(request: Request, params: None) -> NoReturn:
    """Addresses of e-mail are taken as they are given."""
    raise Forbidden("This method is only available while the e-mail is awaiting confirmation")
