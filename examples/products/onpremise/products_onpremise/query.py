"""The query options of a collection: which rows, in which order, how many, and which of their properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from products_onpremise.entities import EntityType, Row
from products_onpremise.errors import BadQuery, FormatNotSupported
from products_onpremise.filters import Test, parse_filter

KNOWN = frozenset({"$filter", "$orderby", "$top", "$skip", "$select", "$inlinecount", "$format", "$expand"})


@dataclass(frozen=True, slots=True)
class Order:
    property: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    test: Test | None
    orders: tuple[Order, ...]
    skip: int
    top: int | None
    select: frozenset[str] | None
    count_all: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a query chose, and how many there are without $top and $skip."""

    rows: Sequence[Row]
    count: int


def parse_options(text: str) -> Mapping[str, str]:
    """Return the query options; a name that begins with `$` must be one that is understood."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except ValueError as error:
        raise BadQuery("The query cannot be read") from error
    options: dict[str, str] = {}
    for name, value in pairs:
        if name in options:
            raise BadQuery(f"{name} is given twice")
        if name.startswith("$") and name not in KNOWN:
            raise BadQuery(f"{name} is not supported")
        options[name] = value
    return options


def parse_query(options: Mapping[str, str], entity_type: EntityType) -> Query:
    """Return the query that the options describe, or raise BadQuery."""
    check_format(options)
    if options.get("$expand"):
        raise BadQuery(f"{entity_type.name} has no navigation properties")
    return Query(
        test=parse_filter(options["$filter"], entity_type.names) if options.get("$filter") else None,
        orders=_orders(options.get("$orderby", ""), entity_type),
        skip=_count(options, "$skip") or 0,
        top=_count(options, "$top"),
        select=parse_select(options, entity_type),
        count_all=_count_all(options.get("$inlinecount", "none")),
    )


def parse_select(options: Mapping[str, str], entity_type: EntityType) -> frozenset[str] | None:
    names = frozenset(name.strip() for name in options.get("$select", "").split(",") if name.strip())
    if not names or "*" in names:
        return None
    for name in sorted(names):
        _check_property(name, entity_type)
    return names


def check_format(options: Mapping[str, str]) -> None:
    if options.get("$format", "json") != "json":
        raise FormatNotSupported(f"$format={options['$format']} is not supported; use json")


def apply(query: Query, rows: Sequence[Row]) -> Selection:
    """Return the rows that the query chooses."""
    chosen = [row for row in rows if query.test is None or query.test(row)]
    for order in reversed(query.orders):  # sorting is stable: the last criterion first
        chosen.sort(key=lambda row: row[order.property], reverse=order.descending)
    end = None if query.top is None else query.skip + query.top
    return Selection(chosen[query.skip : end], len(chosen))


def _orders(text: str, entity_type: EntityType) -> tuple[Order, ...]:
    return tuple(_order(part.split(), entity_type) for part in text.split(",") if part.strip())


def _order(words: Sequence[str], entity_type: EntityType) -> Order:
    name, direction = words[0], words[1] if len(words) > 1 else "asc"
    if len(words) > 2 or direction not in {"asc", "desc"}:
        raise BadQuery(f"$orderby cannot be understood: {' '.join(words)!r}")
    _check_property(name, entity_type)
    return Order(name, descending=direction == "desc")


def _check_property(name: str, entity_type: EntityType) -> None:
    if name not in entity_type.names:
        raise BadQuery(f"{entity_type.name} has no property {name!r}")


def _count(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadQuery(f"{name} must be a number that is not negative")
    return int(text)


def _count_all(text: str) -> bool:
    if text not in {"allpages", "none"}:
        raise BadQuery("$inlinecount must be allpages or none")
    return text == "allpages"
