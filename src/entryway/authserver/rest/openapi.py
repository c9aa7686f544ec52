"""The interfaces in a form that tools read (OpenAPI 3.1), made of the very operations that answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from entryway.authserver.rest.operations import LONGEST_NAME

if TYPE_CHECKING:
    from entryway.authserver.rest.operations import Interface, Operation

_REFUSALS = {
    "400": "The request cannot be understood, or asks for what cannot be",
    "401": "There is no token, or it is not valid",
    "403": "The token does not allow this",
    "404": "What the path names does not exist",
    "409": "It exists already, cannot be changed, or was changed at the same moment",
    "413": "The body is too large",
    "429": "Too many requests",
    "503": "The database cannot be reached now",
}


def document(interfaces: Sequence[Interface]) -> dict[str, Any]:
    """Return the description of the interfaces."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for interface in interfaces:
        for operation in interface.operations:
            path = f"{interface.prefix}{operation.path}".removesuffix("/")
            paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Entryway administration",
            "version": "2",
            "description": "Applications, roles, role collections, trust and settings of a tenant.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "security": [{"bearer": []}],
    }


def _operation(operation: Operation, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    answer: dict[str, Any] = {"description": "Done"}
    if operation.status != 204:
        answer["content"] = {"application/json": {"schema": {}}}
    described: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}{path}").strip("_"),
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "parameters": [
            *(_parameter(name, "path", "", required=True) for name in names),
            *(_parameter(name, "query", text, required=False) for name, text in operation.query.items()),
        ],
        "responses": {str(operation.status): answer} | {status: _refusal(text) for status, text in _REFUSALS.items()},
    }
    if operation.body is not None:
        schema = operation.body.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[operation.body.__name__] = schema
        reference = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return described


def _parameter(name: str, place: str, text: str, *, required: bool) -> Mapping[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
    return {"name": name, "in": place, "required": required, "schema": schema} | ({"description": text} if text else {})


def _refusal(text: str) -> Mapping[str, Any]:
    problem = {
        "type": "object",
        "required": ["title", "status", "code"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        },
    }
    return {"description": text, "content": {"application/problem+json": {"schema": problem}}}
