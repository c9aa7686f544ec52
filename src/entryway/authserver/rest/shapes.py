"""What administrators are told, in the names that clients of this format know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.authserver.roles.mapping_rules import GROUP_ATTRIBUTES, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from entryway.authserver import tables
    from entryway.authserver.roles.catalog import Role, RoleTemplate
    from entryway.authserver.roles.collections import RoleCollection, RoleKey
    from entryway.authserver.roles.mapping_rules import RoleMapping


def app(row: tables.Application) -> dict[str, Any]:
    """Return an application."""
    return {
        "appid": row.xsappname,
        "xsappname": row.xsappname,
        "description": row.descriptor.get("description", ""),
        "planName": row.plan,
        "serviceInstanceId": row.instance_id,
        "masterAppId": row.master,
        "tenantMode": row.descriptor.get("tenant-mode", "dedicated"),
        "createdAt": row.created_at.isoformat(),
        "updatedAt": row.updated_at.isoformat(),
    }


def scope(row: tables.Scope) -> dict[str, Any]:
    """Return a scope."""
    return {"name": row.name, "description": row.description}


def template(each: RoleTemplate, *, with_roles: Sequence[Role] | None = None) -> dict[str, Any]:
    """Return a role template, with the roles of it where they are asked for."""
    told: dict[str, Any] = {
        "appId": each.app_id,
        "name": each.name,
        "description": each.description,
        "defaultRoleName": each.default_role.name if each.default_role else None,
        "scopeReferences": list(each.scopes),
        "attributeReferences": [
            {"name": name, "defaultValues": list(values), "valueRequired": name in each.required}
            for name, values in sorted(each.attributes.items())
        ],
    }
    if with_roles is not None:
        told["roles"] = [role(one, each.required) for one in with_roles]
    return told


def role(each: Role, required: AbstractSet[str]) -> dict[str, Any]:
    """Return a role."""
    return {
        "roleTemplateAppId": each.app_id,
        "roleTemplateName": each.template,
        "name": each.name,
        "description": each.description,
        "isReadOnly": each.is_default,
        "attributeList": [
            {
                "attributeName": name,
                "attributeValueOrigin": str(value.source),
                "attributeValues": list(value.values),
                "valueRequired": name in required,
            }
            for name, value in sorted(each.attributes.items())
        ],
    }


def key(each: RoleKey) -> dict[str, Any]:
    """Return how a role is named."""
    return {
        "roleTemplateAppId": each.app_id,
        "roleTemplateName": each.template,
        "roleName": each.role,
        "name": each.role,
    }


def collection(
    each: RoleCollection,
    *,
    roles: Sequence[RoleKey] | None = None,
    users: Sequence[tables.User] | None = None,
    mappings: Sequence[RoleMapping] | None = None,
) -> dict[str, Any]:
    """Return a role collection, with what was asked for of it."""
    told: dict[str, Any] = {
        "name": each.name,
        "description": each.description,
        "isReadOnly": each.read_only,
        "isPredefined": each.predefined,
    }
    if roles is not None:
        told["roleReferences"] = [key(one) for one in roles]
    if users is not None:
        told["userReferences"] = [
            {"id": user.id, "username": user.user_name, "origin": user.origin, "email": user.email} for user in users
        ]
    if mappings is not None:
        groups = [one for one in mappings if _is_group(one)]
        told["groupReferences"] = [mapping(one) for one in groups]
        told["samlAttributeAssignment"] = [mapping(one) for one in mappings if not _is_group(one)]
    return told


def mapping(each: RoleMapping) -> Mapping[str, Any]:
    """Return a mapping."""
    return {
        "identityProvider": each.origin,
        "attributeName": each.attribute,
        "attributeValue": each.value,
        "comparisonOperator": str(each.operator),
        "operator": str(each.operator),
        "roleCollectionName": each.collection,
    }


def _is_group(each: RoleMapping) -> bool:
    return each.attribute in GROUP_ATTRIBUTES and each.operator is Operator.EQUALS
