"""What clients of the older dialect of SCIM send, in the words of the newer one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from entryway.authserver.provisioning.kinds import OLDER_URN
from entryway.scim.patch import PATCH_SCHEMA

if TYPE_CHECKING:
    from entryway.scim.attributes import ResourceType


def newer(document: Any, kind: ResourceType) -> Any:
    """Return a resource with the newer schema's URN: the older dialect has another, or none."""
    if not isinstance(document, Mapping):
        return document
    schemas = document.get("schemas")
    if schemas is None:
        return {**document, "schemas": [kind.schema.id]}
    if isinstance(schemas, list) and OLDER_URN in schemas:
        rest = [each for each in schemas if each not in {OLDER_URN, kind.schema.id}]
        return {**document, "schemas": [kind.schema.id, *rest]}
    return document


def newer_patch(document: Any) -> Any:
    """Return a change as operations: the older dialect sends the attributes, and marks members that are to go."""
    if not isinstance(document, Mapping) or any(str(name).lower() == "operations" for name in document):
        return document
    given = {name: value for name, value in document.items() if name not in {"schemas", "meta", "id", "zoneId"}}
    members = given.pop("members", None)
    operations: list[dict[str, Any]] = [{"op": "replace", "value": given}] if given else []
    if isinstance(members, list) and all(isinstance(each, Mapping) for each in members):
        gone = [each for each in members if str(each.get("operation", "")).lower() == "delete"]
        new = [
            {name: value for name, value in each.items() if name != "operation"} for each in members if each not in gone
        ]
        if new:
            operations.append({"op": "add", "path": "members", "value": new})
        if gone:
            operations.append(
                {"op": "remove", "path": "members", "value": [{"value": each.get("value")} for each in gone]}
            )
    elif members is not None:
        operations.append({"op": "add", "path": "members", "value": members})
    return {"schemas": [PATCH_SCHEMA], "Operations": operations}
