"""What an attribute is (RFC 7643 §2, §7), and the schemas that attributes make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"


class Kind(StrEnum):
    """The data types (RFC 7643 §2.3)."""

    STRING = "string"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    MOMENT = "dateTime"
    BINARY = "binary"
    REFERENCE = "reference"
    COMPLEX = "complex"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute with its characteristics; the names and defaults are the standard's."""

    name: str
    kind: Kind = Kind.STRING
    description: str = ""
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    canonical_values: Sequence[str] = ()
    reference_types: Sequence[str] = ()
    parts: Sequence[Attribute] = ()
    default: Any = None
    """What a required attribute is where a client leaves it out."""

    def part(self, name: str) -> Attribute | None:
        """Return a sub-attribute; names are compared without case."""
        return next((each for each in self.parts if each.name.lower() == name.lower()), None)

    def to_json(self) -> dict[str, Any]:
        """Return the attribute as `/Schemas` shows it."""
        document: dict[str, Any] = {
            "name": self.name,
            "type": str(self.kind),
            "multiValued": self.multi_valued,
            "description": self.description or self.name,
            "required": self.required,
            "mutability": self.mutability,
            "returned": self.returned,
        }
        if self.kind not in {Kind.COMPLEX, Kind.BOOLEAN}:
            document |= {"caseExact": self.case_exact, "uniqueness": self.uniqueness}
        if self.canonical_values:
            document["canonicalValues"] = list(self.canonical_values)
        if self.reference_types:
            document["referenceTypes"] = list(self.reference_types)
        if self.parts:
            document["subAttributes"] = [part.to_json() for part in self.parts]
        return document


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema by its URN."""

    id: str
    name: str
    description: str
    attributes: Sequence[Attribute]

    def attribute(self, name: str) -> Attribute | None:
        """Return an attribute; names are compared without case."""
        return next((each for each in self.attributes if each.name.lower() == name.lower()), None)

    def to_json(self, base: str) -> dict[str, Any]:
        """Return the schema as `/Schemas` shows it; `base` is the address of the SCIM interface."""
        return {
            "schemas": [SCHEMA_SCHEMA],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": [attribute.to_json() for attribute in self.attributes],
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{self.id}"},
        }


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource: its main schema and the extensions it may have."""

    name: str
    endpoint: str
    schema: Schema
    extensions: Sequence[Schema] = ()
    description: str = ""

    def schemas(self) -> Iterator[Schema]:
        """Return the main schema, then the extensions."""
        yield self.schema
        yield from self.extensions

    def extension(self, urn: str) -> Schema | None:
        """Return an extension by its URN, compared without case."""
        return next((each for each in self.extensions if each.id.lower() == urn.lower()), None)

    def attribute(self, name: str) -> Attribute | None:
        """Return an attribute of the main schema, or one that every resource has."""
        return self.schema.attribute(name) or COMMON.attribute(name)

    def to_json(self, base: str) -> dict[str, Any]:
        """Return the type as `/ResourceTypes` shows it."""
        return {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description or self.name,
            "schema": self.schema.id,
            "schemaExtensions": [{"schema": each.id, "required": False} for each in self.extensions],
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{self.name}"},
        }


_READ_ONLY: dict[str, Any] = {"mutability": "readOnly", "case_exact": True}

# RFC 7643 §3.1: not part of any schema, and part of every resource.
COMMON = Schema(
    "",
    "Common",
    "What every resource has",
    (
        Attribute("id", returned="always", uniqueness="server", **_READ_ONLY),
        Attribute("externalId", case_exact=True),
        Attribute(
            "meta",
            Kind.COMPLEX,
            mutability="readOnly",
            parts=(
                Attribute("resourceType", **_READ_ONLY),
                Attribute("created", Kind.MOMENT, mutability="readOnly"),
                Attribute("lastModified", Kind.MOMENT, mutability="readOnly"),
                Attribute("location", Kind.REFERENCE, **_READ_ONLY),
                Attribute("version", **_READ_ONLY),
            ),
        ),
    ),
)
