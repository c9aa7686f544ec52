"""What administrators send, in the names that clients of this format know."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from entryway.authserver.roles.attribute_values import AttributeValue, Source

# Printable, and nothing but blanks is no name.
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s])?$"),
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_PRINTABLE)]
Text = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Value = Annotated[str, StringConstraints(max_length=255, pattern=_PRINTABLE)]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class RoleCollectionDraft(Body):
    """A new role collection; `copyFrom` names one whose roles it gets."""

    name: Name
    description: Text | None = None
    copyFrom: Reference | None = None  # noqa: N815 - the name on the wire


class RoleCollectionChange(Body):
    """A role collection as it should be; its name stays, for who has it would lose it by another."""

    name: Reference | None = None
    description: Text | None = None


class RoleReference(Body):
    """A role, by its names."""

    roleTemplateAppId: Reference  # noqa: N815
    roleTemplateName: Reference  # noqa: N815
    roleName: Reference | None = None  # noqa: N815
    name: Reference | None = None


class RoleReferences(RootModel[Annotated[list[RoleReference], Field(max_length=1000)]]):
    """Several roles."""

    model_config = ConfigDict(strict=True, frozen=True)


class RoleAttribute(Body):
    """An attribute of a role; `saml` is an older name of `idp`, and static without values means unrestricted."""

    attributeName: Reference  # noqa: N815
    attributeValueOrigin: Literal["static", "idp", "saml", "unrestricted"] = "static"  # noqa: N815
    attributeValues: list[Value] = Field(default=[], max_length=200)  # noqa: N815

    def value(self) -> AttributeValue:
        """Return where the attribute's values come from."""
        values = tuple(dict.fromkeys(value for value in self.attributeValues if value))
        if self.attributeValueOrigin == "unrestricted" or (self.attributeValueOrigin == "static" and not values):
            return AttributeValue(Source.UNRESTRICTED)
        source = Source.STATIC if self.attributeValueOrigin == "static" else Source.IDENTITY_PROVIDER
        return AttributeValue(source, values)


class RoleDraft(Body):
    """A new role of a template with attributes."""

    roleTemplateAppId: Reference  # noqa: N815
    roleTemplateName: Reference  # noqa: N815
    name: Name
    description: Text | None = None
    attributeList: list[RoleAttribute] = Field(default=[], max_length=50)  # noqa: N815


class RoleChange(Body):
    """A role's description and attributes; an attribute that is left away is unrestricted."""

    description: Text | None = None
    attributeList: list[RoleAttribute] = Field(default=[], max_length=50)  # noqa: N815


class MappingDraft(Body):
    """A group (attribute `Groups`) or another attribute, and the role collection that a fitting value gives."""

    attributeName: Reference  # noqa: N815
    attributeValue: Annotated[Value, StringConstraints(min_length=1)]  # noqa: N815
    operator: Literal["equals", "contains"] = "equals"
    roleCollectionName: Reference  # noqa: N815
