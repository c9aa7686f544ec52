"""From a descriptor to rows: what an application's `xs-security.json` means in this tenant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from entryway.authserver import tables
from entryway.authserver.grants import DEFAULT_GRANT_TYPES
from entryway.config.xs_security_references import parse, resolve
from entryway.config.xs_security_wire import XsSecurityWire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from entryway.config.xs_security_wire import RoleTemplateWire
    from entryway.storage import Table

_Item = TypeVar("_Item")

SUFFIXES = {"application": "t", "broker": "b", "clone": "b", "apiaccess": "a", "platform": ""}


def full_name(name: str, plan: str, number: int) -> str:
    """Return the application's name with the suffix of its plan: `app!t1`."""
    return f"{name}!{SUFFIXES[plan]}{number}"


def client_id_of(xsappname: str) -> str:
    """Return the id of an application's client."""
    return f"sb-{xsappname}"


def stored(content: XsSecurityWire) -> dict[str, Any]:
    """Return a descriptor as it is kept with its application."""
    # What was not written stays unwritten: it may have another default later, or be a matter of the tenant's policy.
    kept: dict[str, Any] = json.loads(content.model_dump_json(by_alias=True, exclude_unset=True))
    return kept


def read(descriptor: Mapping[str, Any]) -> XsSecurityWire:
    """Return a descriptor that was kept."""
    return XsSecurityWire.model_validate_json(json.dumps(descriptor))


def rows(zid: str, number: int, instance_id: str, xsappname: str, content: XsSecurityWire) -> Iterator[Table]:
    """Yield what a descriptor declares, except the application itself and its role collections."""
    yield client_row(zid, number, instance_id, xsappname, content)
    for scope in content.scopes:
        name = resolve(scope.name, xsappname, number)
        yield tables.Scope(zid=zid, instance_id=instance_id, name=name, description=scope.description)
        for kind, apps in (("user", scope.granted_apps), ("authority", scope.authority_apps)):
            for grantee in _unique(resolve(app, xsappname, number) for app in apps):
                yield tables.ScopeGrant(zid=zid, instance_id=instance_id, scope=name, kind=kind, grantee=grantee)
    required = {attribute.name for attribute in content.attributes if attribute.value_required}
    for template in content.role_templates:
        row = _template_row(zid, instance_id, template)
        row.has_default_role = not any(name in required and not values for name, values in row.attribute_values.items())
        yield row
        for granted in _unique(resolve(text, xsappname, number) for text in template.scope_references):
            yield tables.RoleTemplateScope(zid=zid, instance_id=instance_id, template=template.name, scope=granted)


def collections(zid: str, instance_id: str, content: XsSecurityWire, now: datetime) -> Iterator[tables.RoleCollection]:
    """Yield the role collections that a descriptor declares."""
    for collection in content.role_collections:
        yield tables.RoleCollection(
            zid=zid,
            instance_id=instance_id,
            name=collection.name,
            description=collection.description,
            created_at=now,
            updated_at=now,
        )


def collection_references(
    zid: str, number: int, xsappname: str, content: XsSecurityWire
) -> Iterator[tables.RoleCollectionReference]:
    """Yield which role templates are in the role collections."""
    for collection in content.role_collections:
        for of, name in templates_of(collection.role_template_references, xsappname, number):
            yield tables.RoleCollectionReference(zid=zid, collection=collection.name, xsappname=of, template=name)


def client_row(zid: str, number: int, instance_id: str, xsappname: str, content: XsSecurityWire) -> tables.ClientRow:
    """Return the client that a descriptor asks for."""
    oauth2 = content.oauth2
    return tables.ClientRow(
        zid=zid,
        instance_id=instance_id,
        client_id=client_id_of(xsappname),
        access_validity=oauth2.token_validity if "token_validity" in oauth2.model_fields_set else None,
        refresh_validity=oauth2.refresh_token_validity if "refresh_token_validity" in oauth2.model_fields_set else None,
        redirect_uris=list(oauth2.redirect_uris),
        grant_types=list(DEFAULT_GRANT_TYPES if oauth2.grant_types is None else oauth2.grant_types),
        authorities=[resolve(text, xsappname, number) for text in content.authorities],
        foreign_scopes=[resolve(text, xsappname, number) for text in content.foreign_scope_references],
        system_attributes=list(oauth2.system_attributes),
        public=oauth2.public,
        jwks=list(oauth2.jwks.keys) if oauth2.jwks else [],
        jwks_uri=oauth2.jwks_uri,
        credential_types=list(oauth2.credential_types),
        allowed_providers=None if oauth2.allowed_providers is None else list(oauth2.allowed_providers),
    )


def clone_client_row(
    zid: str, number: int, instance_id: str, xsappname: str, content: XsSecurityWire
) -> tables.ClientRow:
    """Return the client of one instance of a service, whose descriptor says what it inherits."""
    if not content.authorities_inheritance:
        content = content.model_copy(update={"authorities": ()})
    return client_row(zid, number, instance_id, xsappname, content)


def templates_of(references: Iterable[str], xsappname: str, number: int) -> list[tuple[str, str]]:
    """Return the application and name of each role template that is referred to."""
    found = []
    for text in references:
        reference = parse(text)
        if reference is not None:
            application = resolve(text.removesuffix(f".{reference.local}"), xsappname, number)
            found.append((application, reference.local))
    return _unique(found)


def _template_row(zid: str, instance_id: str, template: RoleTemplateWire) -> tables.RoleTemplate:
    return tables.RoleTemplate(
        zid=zid,
        instance_id=instance_id,
        name=template.name,
        description=template.description,
        default_role_name=template.default_role_name or template.name,
        attribute_values={
            reference.name: list(reference.default_values) for reference in template.attribute_references
        },
    )


def _unique(items: Iterable[_Item]) -> list[_Item]:
    return list(dict.fromkeys(items))
