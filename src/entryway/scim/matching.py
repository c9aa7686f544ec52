"""Whether one value of a multi-valued attribute fits a filter, as PATCH asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from entryway.scim.attributes import Attribute, Kind
from entryway.scim.errors import InvalidFilter
from entryway.scim.filters import And, AttributePath, Comparison, Not, Or, Present, ValueFilter

if TYPE_CHECKING:
    from entryway.scim.filters import Filter, Value


def fits(value: Any, term: Filter, attribute: Attribute) -> bool:
    """Say whether a value of `attribute` fits."""
    match term:
        case And(terms):
            return all(fits(value, each, attribute) for each in terms)
        case Or(terms):
            return any(fits(value, each, attribute) for each in terms)
        case Not(inner):
            return not fits(value, inner, attribute)
        case Present(path):
            return _part_of(value, path, attribute)[0] not in (None, "", [])
        case Comparison(path, operator, wanted):
            found, part = _part_of(value, path, attribute)
            return _compare(found, operator, wanted, part)
        case ValueFilter():
            raise InvalidFilter("brackets within brackets cannot be filtered")


def created_by(term: Filter | None) -> dict[str, Any] | None:
    """Return the value that a filter of equations describes, None where it describes no single one."""
    match term:
        case Comparison(AttributePath(name, "", ""), "eq", wanted):
            return {name: wanted}
        case And(terms):
            parts = [created_by(each) for each in terms]
            return {name: value for part in parts if part for name, value in part.items()} if all(parts) else None
    return None


def _part_of(value: Any, path: AttributePath, attribute: Attribute) -> tuple[Any, Attribute]:
    if path.part or path.schema:
        raise InvalidFilter(f"{attribute.name} has no sub-attribute of that name")
    if not attribute.parts and path.name.lower() == "value":
        return value, attribute
    part = attribute.part(path.name)
    if part is None or part.returned == "never":
        raise InvalidFilter(f"{attribute.name} has no sub-attribute {path.name[:100]}")
    return (value.get(part.name) if isinstance(value, Mapping) else None), part


def _compare(found: Any, operator: str, wanted: Value, part: Attribute) -> bool:
    if operator in {"eq", "ne"}:
        equal = _folded(found, part) == _folded(wanted, part)
        # A boolean that is not there is false: clients ask for `primary eq false`.
        if part.kind is Kind.BOOLEAN and found is None:
            equal = wanted is False
        return equal if operator == "eq" else not equal
    if not isinstance(found, str) or not isinstance(wanted, str):
        raise InvalidFilter(f"{operator} compares texts, and {part.name} or the value is none")
    one, other = str(_folded(found, part)), str(_folded(wanted, part))
    return {
        "co": other in one,
        "sw": one.startswith(other),
        "ew": one.endswith(other),
        "gt": one > other,
        "ge": one >= other,
        "lt": one < other,
        "le": one <= other,
    }[operator]


def _folded(value: Any, part: Attribute) -> Any:
    return value.lower() if isinstance(value, str) and not part.case_exact else value
