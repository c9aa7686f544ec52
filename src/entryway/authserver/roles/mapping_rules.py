"""When a role collection belongs to a user by what the identity provider says: rules as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

# The attribute whose values are groups, as SAML and OpenID Connect providers usually call it.
GROUP_ATTRIBUTES = ("Groups", "groups")


class Operator(StrEnum):
    """How a value is compared; always with regard to case."""

    EQUALS = "equals"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What the identity provider said of a user at the last logon."""

    groups: Sequence[str] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def values(self, attribute: str) -> Sequence[str]:
        """Return the values of an attribute; groups go by either of their names."""
        if attribute in GROUP_ATTRIBUTES:
            return (*self.groups, *self.attributes.get(attribute, ()))
        return self.attributes.get(attribute, ())


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """Whoever comes from `origin` with a fitting value has the collection."""

    origin: str
    attribute: str
    operator: Operator
    value: str
    collection: str

    def fits(self, facts: IdentityFacts) -> bool:
        """Say whether a user of this origin has the collection."""
        told = facts.values(self.attribute)
        if self.operator is Operator.EQUALS:
            return self.value in told
        return any(self.value in each for each in told)
