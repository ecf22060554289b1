"""Parameters in OpenAPI: what a struct takes out of a query, or out of a body in each of its three spellings."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from ripstop.surfaces.http.params import Upload

Schema = dict[str, Any]

_NULL = {"type": "null"}
_FILE = {"type": "string", "format": "binary"}


def struct_schema(struct: type[msgspec.Struct], ref_template: str) -> tuple[Schema, dict[str, Schema]]:
    """The schema of the object that a struct is read from, and those of the structs in it."""
    (reference,), components = msgspec.json.schema_components(
        [struct], schema_hook=_schema_of, ref_template=ref_template
    )
    whole = components.pop(reference["$ref"].rpartition("/")[2])
    what = {key: whole[key] for key in ("description", "properties") if key in whole}
    return {"type": "object", **what, "required": whole.get("required", [])}, components


def without(params: Schema, names: Collection[str]) -> Schema:
    """The same but for what is read from elsewhere."""
    properties = {name: schema for name, schema in params["properties"].items() if name not in names}
    required = [name for name in params["required"] if name in properties]
    return {**params, "properties": properties, "required": required}


def query_parameters(params: Schema) -> list[dict[str, Any]]:
    """One parameter for each property; lists are spelled ``name[]=1&name[]=2``."""
    required = params["required"]
    return [
        {
            "name": f"{name}[]" if _list_in(schema) else name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(schema),
        }
        for name, schema in params["properties"].items()
    ]


def request_body(params: Schema, components: Mapping[str, Schema]) -> dict[str, Any]:
    """A body that may come in any of three spellings. Files come in a multipart form alone."""
    files = {name for name, schema in params["properties"].items() if _is_file(schema)}
    plain = {**params, "properties": {name: one for name, one in params["properties"].items() if name not in files}}
    content = {"multipart/form-data": {"schema": _form(params, components)}}
    if not files & set(params["required"]):
        content["application/json"] = {"schema": plain}
        content["application/x-www-form-urlencoded"] = {"schema": _form(plain, components)}
    return {"description": params.get("description", ""), "required": bool(params["required"]), "content": content}


def _form(params: Schema, components: Mapping[str, Schema]) -> Schema:
    """The same as pairs of names and values: lists as ``name[]``, objects as ``name[key]``."""
    required = params["required"]
    properties: dict[str, Schema] = {}
    wanted: list[str] = []
    for name, schema in params["properties"].items():
        inner = _object_in(schema, components)
        if inner is not None:
            properties |= {f"{name}[{key}]": _without_null(one) for key, one in inner["properties"].items()}
            continue
        spelled = f"{name}[]" if _list_in(schema) else name
        properties[spelled] = _without_null(schema)
        if name in required:
            wanted.append(spelled)
    return {"type": "object", "properties": properties, "required": wanted}


def _choices(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf", [schema]))


def _list_in(schema: Schema) -> bool:
    return any(choice.get("type") == "array" for choice in _choices(schema))


def _is_file(schema: Schema) -> bool:
    return any(choice == _FILE for choice in _choices(schema))


def _object_in(schema: Schema, components: Mapping[str, Schema]) -> Schema | None:
    for choice in _choices(schema):
        if "$ref" in choice:
            return components[choice["$ref"].rpartition("/")[2]]
    return None


def _without_null(schema: Schema) -> Schema:
    """Pairs have no null: what is not there is left out."""
    bare = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    if "anyOf" not in bare:
        return bare
    choices = [choice for choice in bare.pop("anyOf") if choice != _NULL]
    return {**choices[0], **bare} if len(choices) == 1 else {**bare, "anyOf": choices}


def _schema_of(type_: type) -> Schema:
    if type_ is Upload:
        return dict(_FILE)
    raise NotImplementedError
