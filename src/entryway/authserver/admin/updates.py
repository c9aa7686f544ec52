"""What an update of a descriptor may not change, because roles and users depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.config.mistakes import Mistake
from entryway.config.xs_security import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from entryway.config.xs_security_wire import XsSecurityWire

COLLECTION_IN_USE = (
    "Cannot add or remove role-template-references from role collection if already in use "
    "(app subscribed or role collection assigned to user). "
    "Please create a new role-collection with a different name instead."
)


def refused(
    before: XsSecurityWire, after: XsSecurityWire, assigned: AbstractSet[str], *, subscribed: bool
) -> Iterator[Mistake]:
    """Yield every change that is not allowed.

    `assigned` names the role collections that users have; of an application that is `subscribed`, all are in use.
    """
    if after.xsappname != before.xsappname:
        yield Mistake(
            FILE,
            "/xsappname",
            f"the name {after.xsappname!r} does not match the existing one, {before.xsappname!r}",
            "delete the service instance and create it anew to rename an application",
        )
    if subscribed and after.tenant_mode != before.tenant_mode:
        yield Mistake(
            FILE,
            "/tenant-mode",
            f"the tenant mode cannot become {after.tenant_mode!r} while tenants have subscribed to the application",
            f"leave it {before.tenant_mode!r}, or end the subscriptions first",
        )
    types = {attribute.name: attribute for attribute in before.attributes}
    for number, attribute in enumerate(after.attributes):
        old = types.get(attribute.name)
        if old is not None and _kind(old.value_type) != _kind(attribute.value_type):
            yield Mistake(FILE, f"/attributes/{number}/valueType", "the type of an attribute cannot be changed")
        if old is not None and attribute.value_required and not old.value_required:
            yield Mistake(
                FILE, f"/attributes/{number}/valueRequired", "an attribute cannot become required in an update"
            )
    yield from _attribute_references(before, after)
    collections = {collection.name: set(collection.role_template_references) for collection in before.role_collections}
    for number, collection in enumerate(after.role_collections):
        references = collections.get(collection.name)
        if (
            (subscribed or collection.name in assigned)
            and references is not None
            and references != set(collection.role_template_references)
        ):
            yield Mistake(
                FILE,
                f"/role-collections/{number}/role-template-references",
                f"{COLLECTION_IN_USE} Leave {collection.name!r} in the descriptor as it was"
                + (
                    ": tenants have subscribed to the application."
                    if subscribed
                    else ", or take it from everybody who has it (entryway role-collections unassign) and deploy again."
                ),
            )


def _attribute_references(before: XsSecurityWire, after: XsSecurityWire) -> Iterator[Mistake]:
    required = {attribute.name for attribute in after.attributes if attribute.value_required}
    templates = {
        template.name: {reference.name: reference.default_values for reference in template.attribute_references}
        for template in before.role_templates
    }
    for number, template in enumerate(after.role_templates):
        old = templates.get(template.name)
        for place, reference in enumerate(template.attribute_references if old is not None else ()):
            path = f"/role-templates/{number}/attribute-references/{place}"
            if old is None or reference.name not in old:
                if reference.name in required and not reference.default_values:
                    yield Mistake(
                        FILE,
                        path,
                        f"the attribute {reference.name!r} needs a value, which roles that exist do not have",
                        "give it default-values, or valueRequired false",
                    )
            elif old[reference.name] != reference.default_values:
                yield Mistake(FILE, f"{path}/default-values", "default-values cannot be changed in an update")


def _kind(value_type: str) -> str:
    return "string" if value_type == "s" else value_type
