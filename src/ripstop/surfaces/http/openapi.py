"""The API in OpenAPI 3.1, from what serves it: routes, the structs of their parameters, the types of their answers.

Described is what `answers` names. An answer is the type of a JSON body, a `Media`, a tuple of these between which the
client chooses, or several by status.
"""

import hashlib
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from ripstop.kernel.ids import MAX_ID
from ripstop.surfaces.http.openapi_params import query_parameters, request_body, struct_schema, without
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import JSON_HEADERS, Headers, Response
from ripstop.surfaces.http.routing import Auth, Route, names_id

Schema = dict[str, Any]
Answers = Mapping[str, Any]
"""``GET /api/v1/accounts/{id}`` to what it answers."""

_REFERENCE = "#/components/schemas/{name}"
_COST = re.compile(r"engine call|commit|cached", re.IGNORECASE)
"""Sentences of handlers that are for who works on them, not for who calls them."""


@dataclass(frozen=True, slots=True)
class Media:
    """An answer of another content type than JSON, or of JSON that goes by a name of its own.

    :param of: the type of what is JSON.
    """

    content_type: str
    of: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the description says of the server as a whole.

    :param origin: the public URL, without a slash at the end.
    :param scopes: all that tokens may hold.
    """

    title: str
    version: str
    description: str
    origin: str
    scopes: Iterable[str]


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a field was refused."""

    error: str
    description: str


class Error(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What went wrong, as a sentence; for OAuth as a code, with a sentence beside it."""

    error: str
    error_description: str | msgspec.UnsetType = msgspec.UNSET
    details: dict[str, list[Reason]] | msgspec.UnsetType = msgspec.UNSET


class _Made(NamedTuple):
    """The description as it is answered."""

    body: bytes
    tag: str
    headers: Headers


class OpenApi:
    """Serves the description, which is made once it is asked for: most processes never are."""

    def __init__(self, routes: Sequence[Route], answers: Answers, about: About) -> None:
        self._routes = routes
        self._answers = answers
        self._about = about
        self._made: _Made | None = None

    def routes(self) -> list[Route]:
        return [Route("GET", "/openapi.json", self.serve)]

    async def serve(self, request: Request, params: None) -> Response:
        """This description."""
        made = self._made = self._made or self._make()
        if made.tag in (request.header("if-none-match") or ""):
            return Response(b"", 304, made.headers)
        return Response(made.body, 200, made.headers)

    def _make(self) -> _Made:
        body = msgspec.json.encode(describe(self._routes, self._answers, self._about))
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = [header for header in JSON_HEADERS if header[0] != "cache-control"]
        return _Made(body, tag, [*headers, ("cache-control", "public, max-age=300"), ("etag", tag)])


def describe(routes: Iterable[Route], answers: Answers, about: About) -> dict[str, Any]:
    """The document. Takes some milliseconds.

    :raises ValueError: two different structs go by one name.
    """
    described = [route for route in routes if key_of(route) in answers]
    schemas = _Schemas(_types(by_status(answers[key_of(route)]).values() for route in described))
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        operation = _operation(route, by_status(answers[key_of(route)]), schemas)
        paths.setdefault(route.pattern, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "servers": [{"url": about.origin}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.found.items())),
            "responses": _RESPONSES,
            "headers": _HEADERS,
            "securitySchemes": _security_schemes(about),
        },
    }


def key_of(route: Route) -> str:
    """By what a table of answers knows a route."""
    return f"{route.method} {route.pattern}"


def by_status(answer: Any) -> Mapping[int, Any]:
    """What is answered, by status."""
    return answer if isinstance(answer, Mapping) else {200: answer}


def _types(answers: Iterable[Iterable[Any]]) -> list[Any]:
    """The types of all bodies that are JSON, each once."""
    every = (one for several in answers for answer in several for one in choices(answer))
    types = (answer.of if isinstance(answer, Media) else answer for answer in every)
    return list(dict.fromkeys(type_ for type_ in types if type_ is not None))


def choices(answer: Any) -> tuple[Any, ...]:
    """Between what a client chooses; nothing where there is no body."""
    if answer is None:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


class _Schemas:
    """The schemas of the structs that answers and parameters name, each once.

    :param answers: types of all answers; looked at together, since many hold the same structs.
    """

    def __init__(self, answers: Sequence[Any]) -> None:
        schemas, found = msgspec.json.schema_components([*answers, Error], ref_template=_REFERENCE)
        self._of: dict[Any, Schema] = dict(zip(answers, schemas, strict=False))
        self._params: dict[type[msgspec.Struct], tuple[Schema, dict[str, Schema]]] = {}
        self.found: dict[str, Schema] = found

    def of(self, answer: Any) -> Schema:
        """The schema of an answer, in which structs are references."""
        return self._of[answer]

    def of_params(self, struct: type[msgspec.Struct]) -> tuple[Schema, dict[str, Schema]]:
        """The schema of what parameters are read from, and those of the structs in it."""
        known = self._params.get(struct)
        if known is None:
            known = self._params[struct] = struct_schema(struct, _REFERENCE)
            for name, component in known[1].items():
                if self.found.setdefault(name, component) != component:
                    msg = f"two structs are named {name}"
                    raise ValueError(msg)
        return known


def _operation(route: Route, answers: Mapping[int, Any], schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [_tag(route)],
        "summary": _summary(route),
        "security": _security(route),
    }
    names = re.findall(r"\{(\w+)\}", route.pattern)
    parameters = [_path_parameter(name) for name in names]
    is_paged = False
    if route.params is not None:
        whole, components = schemas.of_params(route.params)
        params = without(whole, names)
        is_paged = "max_id" in params["properties"]
        if route.method in ("GET", "DELETE"):
            parameters += query_parameters(params)
        else:
            operation["requestBody"] = request_body(params, components)
    if parameters:
        operation["parameters"] = parameters
    responses = {str(status): _answer(status, answer, schemas, is_paged) for status, answer in answers.items()}
    operation["responses"] = {**responses, **_errors(route)}
    return operation


def _answer(status: int, answer: Any, schemas: _Schemas, is_paged: bool) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _WHAT.get(status, "As asked")}
    content: dict[str, Any] = {}
    is_list = False
    for one in choices(answer):
        if isinstance(one, Media):
            content[one.content_type] = {"schema": {"type": "string"} if one.of is None else schemas.of(one.of)}
        else:
            content["application/json"] = {"schema": schemas.of(one)}
            is_list = schemas.of(one).get("type") == "array"
    if "application/json" in content:
        headers = [*_RATE, "Link"] if is_paged and is_list else _RATE
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    if content:
        response["content"] = content
    return response


def _errors(route: Route) -> dict[str, Any]:
    """What else may come, which is one shape."""
    statuses = []
    if route.params is not None:
        statuses += ["400", "422"]
    if route.auth is not Auth.NONE:
        statuses += ["401", *(["403"] if route.scope else [])]
    if "{" in route.pattern:
        statuses.append("404")
    named = {status: {"$ref": f"#/components/responses/{status}"} for status in (*sorted(statuses), "429", "503")}
    return {**named, "default": {"$ref": "#/components/responses/default"}}


def _operation_id(route: Route) -> str:
    """Unique, and as stable as method and path."""
    words = [route.method.lower(), *re.findall(r"\w+", route.pattern.removeprefix("/api/"))]
    return "_".join(words)


def _tag(route: Route) -> str:
    """The resource that a path is about: its first word."""
    words = re.findall(r"\w+", re.sub(r"^/(api/v\d+|\.well-known)", "", route.pattern))
    return str(words[0])


def _summary(route: Route) -> str:
    """What the handler says of itself, but for what it costs."""
    text = " ".join((inspect.getdoc(route.handler) or "").partition("\n\n")[0].split())
    told = [sentence for sentence in re.split(r"(?<=\.) ", text) if sentence and not _COST.search(sentence)]
    name = getattr(route.handler, "__name__", "").strip("_")
    return " ".join(told) or f"{_tag(route)}: {name}".replace("_", " ").capitalize()


def _path_parameter(name: str) -> dict[str, Any]:
    schema: Schema = {"type": "string", "minLength": 1}
    if names_id(name):
        schema = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _security(route: Route) -> list[dict[str, list[str]]]:
    """Each of these will do."""
    if route.auth is Auth.NONE:
        return []
    scopes = [[scope] for scope in (route.scope or "").split()] or [[]]
    schemes: list[dict[str, list[str]]] = [{name: scope} for name in ("oauth2", "bearer") for scope in scopes]
    return [{}, *schemes] if route.auth is Auth.OPTIONAL else schemes


def _security_schemes(about: About) -> dict[str, Any]:
    scopes = {scope: scope.replace(":", " ").capitalize() for scope in sorted(about.scopes)}
    token = f"{about.origin}/oauth/token"
    authorization_code = {
        "authorizationUrl": f"{about.origin}/oauth/authorize",
        "tokenUrl": token,
        "scopes": scopes,
    }
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "A token of a user; or, by client credentials, of an application alone.",
            "flows": {
                "authorizationCode": authorization_code,
                "clientCredentials": {"tokenUrl": token, "scopes": scopes},
            },
        },
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token that one has already."},
    }


_RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_HEADERS: Mapping[str, Any] = {
    "X-RateLimit-Limit": {"description": "Requests in one period", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left of them", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {
        "description": "When the next period begins",
        "schema": {"type": "string", "format": "date-time"},
    },
    "Retry-After": {"description": "Seconds until trying again makes sense", "schema": {"type": "integer"}},
    "Link": {"description": 'Further pages, with rel="next" and rel="prev"', "schema": {"type": "string"}},
}
_WHAT = {
    101: "The connection is a WebSocket now",
    202: "Taken, and not ready yet",
    206: "Not ready yet",
    302: "Elsewhere",
}


def _error(description: str, *headers: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(name="Error")}}},
    }


_RESPONSES: Mapping[str, Any] = {
    "400": _error("It cannot be read"),
    "401": _error("There is no good token"),
    "403": _error("The token does not allow it, or its holder may not"),
    "404": _error("There is no such thing, or not for this viewer"),
    "422": _error("It was read, and refused"),
    "429": _error("Too many requests", *_RATE, "Retry-After"),
    "503": _error("Too much to do; nothing was done", "Retry-After"),
    "default": _error("Any other error"),
}
