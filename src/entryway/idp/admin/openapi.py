"""`/entryway/v1/openapi.json`: the interface of administrators, and provisioning, in a form that tools read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from entryway.idp.admin.documents import ApplicationDocument, UserDocument, UserTableDocument
from entryway.idp.applications.certificates import BindingDocument
from entryway.idp.corporate.choice import LoginRules
from entryway.idp.corporate.settings import ProviderSettings
from entryway.idp.documents import SamlRules, ScriptOrigins, SelfService
from entryway.idp.users.password_policy import PasswordPolicy

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/entryway/v1/openapi.json"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_RESOURCE = {"type": "object", "required": ["schemas"], "properties": {"schemas": {"type": "array", "items": _TEXT}}}
_LISTING = {"filter": _TEXT, "sortBy": _TEXT, "startIndex": _COUNT, "count": _COUNT, "attributes": _TEXT}
_REFUSALS = {
    "400": "The request cannot be understood, or a value is not valid",
    "401": "There are no credentials, or they are not valid",
    "403": "The application has no right to this",
    "404": "What the path names does not exist",
    "409": "The name or the mail address is used already",
    "412": "It was changed since it was read",
    "413": "The body is too large",
    "415": "The body is of another kind",
    "503": "The database cannot be reached now",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked; `status` is the answer when it is done."""

    method: str
    path: str
    summary: str
    body: type[BaseModel] | dict[str, Any] | None = None
    query: dict[str, Any] | None = None
    status: str = "200"
    media_type: str = "application/json"


_ADMINISTRATION = (
    Operation("get", "/users", "List users, by name, a hundred at a time", query={"start": _COUNT}),
    Operation("post", "/users/import", "Import a table of users, all or none", UserTableDocument),
    Operation("put", "/users/{user_name}", "Create a user, or write all of one anew", UserDocument),
    Operation("delete", "/users/{user_name}", "Delete a user with every session and token", status="204"),
    Operation("get", "/applications/{application_id}", "Show an application"),
    Operation("put", "/applications/{application_id}", "Create or change an application", ApplicationDocument),
    Operation("delete", "/applications/{application_id}", "Delete an application", status="204"),
    Operation(
        "put",
        "/applications/{application_id}/bindings/{binding_id}",
        "Show the credentials of a binding, which are made the first time",
        BindingDocument,
    ),
    Operation("delete", "/applications/{application_id}/bindings/{binding_id}", "End a binding", status="204"),
    Operation("get", "/providers", "List companies' identity providers"),
    Operation("get", "/providers/{alias}", "Show a company's identity provider"),
    Operation("put", "/providers/{alias}", "Trust a company's identity provider, or change it", ProviderSettings),
    Operation("delete", "/providers/{alias}", "Trust it no more; its users go with it", status="204"),
    Operation("get", "/settings/password-policy", "Show the rules of passwords"),
    Operation("put", "/settings/password-policy", "Set the rules of passwords", PasswordPolicy),
    Operation("get", "/settings/self-service", "Show what people may do themselves"),
    Operation("put", "/settings/self-service", "Set what people may do themselves", SelfService),
    Operation("get", "/settings/logins", "Show where users of all applications log in"),
    Operation("put", "/settings/logins", "Set where users of all applications log in", LoginRules),
    Operation("get", "/settings/saml", "Show what is expected of all service providers"),
    Operation("put", "/settings/saml", "Set what is expected of all service providers", SamlRules),
    Operation("get", "/settings/scripts", "Show whose scripts may ask for tokens"),
    Operation("put", "/settings/scripts", "Set whose scripts may ask for tokens", ScriptOrigins),
    Operation("post", "/keys/rotation", "Publish a new signing key", status="201"),
)


def _provisioning(kind: str) -> tuple[Operation, ...]:
    scim, one = "application/scim+json", f"/{kind}/{{id}}"
    return (
        Operation("get", f"/{kind}", f"Search {kind}", query=_LISTING),
        Operation("post", f"/{kind}", f"Create one of {kind}", _RESOURCE, status="201", media_type=scim),
        Operation("post", f"/{kind}/.search", f"Search {kind}", _RESOURCE, media_type=scim),
        Operation("get", one, f"Show one of {kind}"),
        Operation("put", one, f"Write one of {kind} anew", _RESOURCE, media_type=scim),
        Operation("patch", one, f"Change one of {kind}", _RESOURCE, media_type=scim),
        Operation("delete", one, f"Delete one of {kind}", status="204"),
    )


_SCIM = (
    Operation("get", "/ServiceProviderConfig", "What provisioning can do"),
    Operation("get", "/ResourceTypes", "What there is"),
    Operation("get", "/Schemas", "What it is made of"),
    *_provisioning("Users"),
    *_provisioning("Groups"),
)


def routes() -> list[Route]:
    """Return where the description is."""
    return [Route(PATH, _show, methods=["GET"])]


def document() -> dict[str, Any]:
    """Return the description of both interfaces."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for prefix, operations in (("/entryway/v1", _ADMINISTRATION), ("/scim", _SCIM)):
        for one in operations:
            paths.setdefault(f"{prefix}{one.path}", {})[one.method] = _described(one, f"{prefix}{one.path}", schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Entryway identity provider", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
        "security": [{"basic": []}, {"bearer": []}],
    }


async def _show(request: Request) -> Response:
    del request
    return JSONResponse(document(), headers={"cache-control": "public, max-age=300"})


def _described(one: Operation, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    done: dict[str, Any] = {"description": "Done"}
    if one.status != "204":
        done["content"] = {one.media_type: {"schema": {}}}
    answers = {one.status: done} | ({"201": done} if one.method == "put" else {})
    described: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{one.method}{path}").strip("_"),
        "summary": one.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names),
            *({"name": name, "in": "query", "schema": schema} for name, schema in (one.query or {}).items()),
        ],
        "responses": answers | {status: {"description": text} for status, text in _REFUSALS.items()},
    }
    if one.body is not None:
        schema = one.body if isinstance(one.body, dict) else _reference(one.body, schemas)
        described["requestBody"] = {"content": {one.media_type: {"schema": schema}}}
    return described


def _reference(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    found = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(found.pop("$defs", {}))
    schemas[model.__name__] = found
    return {"$ref": f"#/components/schemas/{model.__name__}"}
