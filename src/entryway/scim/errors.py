"""What a SCIM client may be told (RFC 7644 §3.12); `scim_type` is the protocol's own name for what is wrong."""

from __future__ import annotations

from typing import Any, ClassVar

from entryway.errors import EntrywayError

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(EntrywayError):
    """`detail` is for the caller."""

    code: ClassVar[str] = "scim_refused"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The SCIM request was refused"
    scim_type: ClassVar[str] = ""


class InvalidFilter(ScimError):
    """The filter cannot be understood, or asks for what cannot be filtered."""

    code = "scim_filter_invalid"
    title = "The filter is not valid"
    scim_type = "invalidFilter"


class InvalidPath(ScimError):
    """The path of a PATCH operation names nothing that there is."""

    code = "scim_path_invalid"
    title = "The path is not valid"
    scim_type = "invalidPath"


class NoTarget(ScimError):
    """The filter in a PATCH operation's path fits no value."""

    code = "scim_no_target"
    title = "The path fits no value"
    scim_type = "noTarget"


class InvalidSyntax(ScimError):
    """The body is not what the protocol says."""

    code = "scim_syntax_invalid"
    title = "The request is not valid"
    scim_type = "invalidSyntax"


class InvalidScimValue(ScimError):
    """A value is missing, or not one that the attribute can have."""

    code = "scim_value_invalid"
    title = "A value is not valid"
    scim_type = "invalidValue"


class Immutable(ScimError):
    """The attribute cannot be changed."""

    code = "scim_immutable"
    title = "The attribute cannot be changed"
    scim_type = "mutability"


class Uniqueness(ScimError):
    """Another resource has this value already."""

    code = "scim_not_unique"
    status = 409
    title = "The value is used already"
    scim_type = "uniqueness"


class ResourceNotFound(ScimError):
    """No such resource."""

    code = "scim_not_found"
    status = 404
    title = "There is no such resource"


class VersionDiffers(ScimError):
    """The resource is not the one that the client has seen (RFC 7644 §3.14)."""

    code = "scim_version_differs"
    status = 412
    title = "The resource has changed"


def body(status: int, detail: str, scim_type: str = "") -> dict[str, Any]:
    """Return an error as the protocol has it."""
    kind = {"scimType": scim_type} if scim_type else {}
    return {"schemas": [ERROR_SCHEMA], "status": str(status), "detail": detail, **kind}
