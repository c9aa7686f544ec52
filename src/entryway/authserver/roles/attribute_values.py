"""Where the values of a role's attributes come from: written down, told by the identity provider, or anything goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# What a role gives for an attribute: values, or None where it does not restrict.
Given = Sequence[str] | None


class Source(StrEnum):
    """Where values come from."""

    STATIC = "static"
    IDENTITY_PROVIDER = "idp"
    UNRESTRICTED = "unrestricted"


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """One attribute of a role; with the source `idp`, `values` holds the name of the provider's attribute."""

    source: Source
    values: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"source": str(self.source), "values": list(self.values)}

    def given(self, told: Mapping[str, Sequence[str]]) -> Given:
        """Return what the role gives to a user of whom the identity provider told this.

        Nothing told is no value, and never "without restriction".
        """
        match self.source:
            case Source.STATIC:
                return self.values
            case Source.IDENTITY_PROVIDER:
                return tuple(value for name in self.values for value in told.get(name, ()))
        return None


def stored(value: Mapping[str, Any]) -> AttributeValue:
    """Return an attribute as it was stored."""
    return AttributeValue(Source(value["source"]), tuple(value["values"]))


def of_default_role(defaults: Mapping[str, Sequence[str]]) -> dict[str, AttributeValue]:
    """Return the attributes of the role that a template makes by itself."""
    return {
        name: AttributeValue(Source.STATIC, tuple(values)) if values else AttributeValue(Source.UNRESTRICTED)
        for name, values in defaults.items()
    }
