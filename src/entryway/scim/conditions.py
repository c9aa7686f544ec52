"""Filters as conditions of a database: values are always parameters, and only listed attributes can be named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, false, func, not_, or_

from entryway.scim.errors import InvalidFilter
from entryway.scim.filters import And, Comparison, Not, Or, Present, ValueFilter

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute

    from entryway.scim.filters import AttributePath, Filter, Value


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `fold` brings a value to the form in which the column holds it (as it is, where case counts)."""

    column: ColumnElement[Any] | InstrumentedAttribute[Any]
    fold: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Key(Text):
    """A text in a column that sorts by bytes (`key_text`): texts with one beginning are one range of its index."""


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    column: ColumnElement[Any] | InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment."""

    column: ColumnElement[Any] | InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Related:
    """Values in another table: `exists` makes of a condition on them one on the resource."""

    field: Field
    exists: Callable[[ColumnElement[bool]], ColumnElement[bool]]


_LAST = "\U0010ffff"
_SURROGATES = (0xD800, 0xDFFF)
Field = Text | Flag | Moment | Related


@dataclass(frozen=True, slots=True)
class Filterable:
    """What can be filtered and sorted by, for one kind of resource; the keys are lower-case paths without a schema."""

    fields: Mapping[str, Field]
    schemas: frozenset[str]
    """The URNs, in lower case, that paths may begin with."""

    def condition(self, term: Filter) -> ColumnElement[bool]:
        """Return a filter as a condition, or raise InvalidFilter."""
        match term:
            case And(terms):
                return and_(*(self.condition(each) for each in terms))
            case Or(terms):
                return or_(*(self.condition(each) for each in terms))
            case Not(inner):
                return not_(func.coalesce(self.condition(inner), false()))
            case Present(path):
                return _present(self._field(path))
            case Comparison(path, operator, value):
                return _compared(self._field(path), operator, value)
            case ValueFilter(path, inner):
                return Filterable(self._below(path), frozenset()).condition(inner)

    def order(self, path: AttributePath) -> ColumnElement[Any] | InstrumentedAttribute[Any]:
        """Return the column to sort by, or raise InvalidFilter."""
        field = self._field(path)
        if isinstance(field, Related):
            raise InvalidFilter(f"nothing can be sorted by {path.name[:100]}")
        return field.column

    def _field(self, path: AttributePath) -> Field:
        if path.schema and path.schema.lower() not in self.schemas:
            raise InvalidFilter(f"{path.schema[:200]} is no schema of this resource")
        field = self.fields.get(path.key) or self.fields.get(f"{path.key}.value")
        if field is None:
            raise InvalidFilter(f"nothing can be filtered by {path.name[:100]}")
        return field

    def _below(self, path: AttributePath) -> Mapping[str, Field]:
        below = {
            name.removeprefix(f"{path.key}."): field
            for name, field in self.fields.items()
            if name.startswith(f"{path.key}.")
        }
        if not below:
            raise InvalidFilter(f"nothing can be filtered by {path.name[:100]} in brackets")
        return below


def _present(field: Field) -> ColumnElement[bool]:
    match field:
        case Related(inner, exists):
            return exists(_present(inner))
        case Text(column):
            return and_(column.is_not(None), column != "")
    return field.column.is_not(None)


def _compared(field: Field, operator: str, value: Value) -> ColumnElement[bool]:
    match field:
        case Related(inner, exists):
            if operator == "ne":
                # No value of the several may be equal.
                return not_(exists(_compared(inner, "eq", value)))
            return exists(_compared(inner, operator, value))
        case Flag(column):
            if not isinstance(value, bool) or operator not in {"eq", "ne"}:
                raise InvalidFilter("a boolean is compared by eq or ne with true or false")
            return column.is_(value) if operator == "eq" else column.is_not(value)
        case Moment(column):
            return _ordered(column, operator, _moment(value))
        case Text(column, fold):
            if not isinstance(value, str):
                raise InvalidFilter("a text is compared with a text")
            if isinstance(field, Key) and operator == "sw":
                return begins_with(column, fold(value))
            return _text(column, operator, fold(value))


def begins_with(column: Any, beginning: str) -> ColumnElement[bool]:
    """Return the condition that a text of a `key_text` column has a beginning, as a range of the column's index."""
    # The first text that is behind all of them: its last letter is the next one, and letters sort as their bytes do.
    kept = beginning.rstrip(_LAST)
    if not kept:
        return and_(column.is_not(None), column >= beginning)
    following = ord(kept[-1]) + 1
    if following == _SURROGATES[0]:
        following = _SURROGATES[1] + 1
    return and_(column >= beginning, column < kept[:-1] + chr(following))


def _text(column: Any, operator: str, value: str) -> ColumnElement[bool]:
    match operator:
        case "co":
            found = column.contains(value, autoescape=True)
        case "sw":
            found = column.startswith(value, autoescape=True)
        case "ew":
            found = column.endswith(value, autoescape=True)
        case _:
            return _ordered(column, operator, value)
    condition: ColumnElement[bool] = found
    return condition


def _ordered(column: Any, operator: str, value: Any) -> ColumnElement[bool]:
    match operator:
        case "eq":
            found = column == value
        case "ne":
            # A value that is not there differs, too.
            found = or_(column != value, column.is_(None))
        case "gt":
            found = column > value
        case "ge":
            found = column >= value
        case "lt":
            found = column < value
        case "le":
            found = column <= value
        case _:
            raise InvalidFilter(f"{operator} compares texts")
    condition: ColumnElement[bool] = found
    return condition


def _moment(value: Value) -> datetime:
    if not isinstance(value, str):
        raise InvalidFilter("a moment is compared with a text as 2030-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidFilter("a moment is written as 2030-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        raise InvalidFilter("a moment needs a time zone: 2030-01-31T12:00:00Z")
    return moment
