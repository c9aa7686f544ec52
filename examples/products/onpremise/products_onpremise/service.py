"""The OData operations: read products, say who is asking, change a price."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

from products_onpremise.certificates import Identity
from products_onpremise.editors import Editors
from products_onpremise.entities import (
    ENTITY_TYPES,
    NAMESPACE,
    PRODUCT,
    ROOT,
    WHO_AM_I,
    EntityType,
    Row,
    etag,
    identity_row,
    metadata_document,
    product_row,
    to_json,
)
from products_onpremise.errors import (
    BadQuery,
    ChangedMeanwhile,
    ConditionMissing,
    MethodNotAllowed,
    NoSuchResource,
    NotPermitted,
)
from products_onpremise.operations import CHANGING, READING, Answer, Operation, Resource, parse_resource
from products_onpremise.prices import PriceChange, Prices
from products_onpremise.products import Product
from products_onpremise.query import apply, check_format, parse_options, parse_query, parse_select

HIGHEST_PRICE = Decimal("999999.99")
JSON = {"Content-Type": "application/json;charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and by which address the answer's links must begin."""

    identity: Identity
    origin: str


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change that was checked and is not yet made."""

    product_id: str
    change: PriceChange


class Service:
    """The catalogue as one user may see and change it."""

    def __init__(
        self, products: Sequence[Product], prices: Prices, editors: Editors, clock: Callable[[], datetime]
    ) -> None:
        self._products = {product.product_id: product for product in products}
        self._prices = prices
        self._editors = editors
        self._clock = clock

    def answer(self, operation: Operation, caller: Caller) -> Answer:
        """Do one operation, or raise an ODataError."""
        if operation.method not in READING:
            self.make([self.plan(operation, caller)])
            return Answer(204)
        options = parse_options(operation.query)
        match operation.path:
            case "":
                check_format(options)
                return _json({"d": {"EntitySets": list(ENTITY_TYPES)}})
            case "$metadata":
                return Answer(200, metadata_document().encode(), {"Content-Type": "application/xml;charset=utf-8"})
        resource = parse_resource(operation.path)
        if resource.key is not None:
            return self._entity(resource, options, caller)
        return self._collection(resource, options, caller)

    def plan(self, operation: Operation, caller: Caller) -> PlannedChange:
        """Check a change completely without making it."""
        resource = parse_resource(operation.path)
        if operation.method not in CHANGING or resource.entity_type is not PRODUCT or resource.key is None:
            raise MethodNotAllowed(f"{operation.method} is not supported here")
        if not self._editors.includes(caller.identity.user):
            raise NotPermitted(f"User {caller.identity.user} may not change prices in this system")
        row = self._row(resource, caller)
        _check_condition(operation.headers.get("if-match"), row)
        price = _price(operation.body, row)
        return PlannedChange(resource.key, PriceChange(price, caller.identity.user, self._clock()))

    def make(self, changes: Sequence[PlannedChange]) -> None:
        for planned in changes:
            self._prices.save(planned.product_id, planned.change)

    def _collection(self, resource: Resource, options: Mapping[str, str], caller: Caller) -> Answer:
        query = parse_query(options, resource.entity_type)
        selection = apply(query, self._rows(resource.entity_type, caller))
        if resource.count:
            return Answer(200, str(selection.count).encode(), {"Content-Type": "text/plain;charset=utf-8"})
        results = [_entity_json(resource.entity_type, row, query.select, caller.origin) for row in selection.rows]
        count = {"__count": str(selection.count)} if query.count_all else {}
        return _json({"d": {"results": results, **count}})

    def _entity(self, resource: Resource, options: Mapping[str, str], caller: Caller) -> Answer:
        check_format(options)
        row = self._row(resource, caller)
        select = parse_select(options, resource.entity_type)
        answer = _json({"d": _entity_json(resource.entity_type, row, select, caller.origin)})
        if not resource.entity_type.updatable:
            return answer
        return Answer(answer.status, answer.body, {**answer.headers, "ETag": etag(row)})

    def _rows(self, entity_type: EntityType, caller: Caller) -> Sequence[Row]:
        if entity_type is WHO_AM_I:
            return [identity_row(caller.identity, may_edit=self._editors.includes(caller.identity.user))]
        return [product_row(product, self._prices.find(product_id)) for product_id, product in self._products.items()]

    def _row(self, resource: Resource, caller: Caller) -> Row:
        for row in self._rows(resource.entity_type, caller):
            if row[resource.entity_type.key] == resource.key:
                return row
        raise NoSuchResource(f"There is no {resource.entity_type.name} {resource.key!r}")


def _check_condition(condition: str | None, row: Row) -> None:
    if condition is None:
        raise ConditionMissing("Say with If-Match which version of the product you mean")
    wanted = {each.strip() for each in condition.split(",")}
    if "*" not in wanted and etag(row) not in wanted:
        raise ChangedMeanwhile("The product was changed meanwhile")


def _price(body: bytes, row: Row) -> Decimal:
    """Return the new price; anything else that the body would change is refused."""
    try:
        document = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadQuery("The body is not JSON") from error
    fields = document.get("d", document) if isinstance(document, dict) else None
    if not isinstance(fields, dict) or "Price" not in fields:
        raise BadQuery("The body must say the new Price")
    for name, value in fields.items():
        if name not in {"Price", "__metadata"} and (name not in row or value != to_json(row[name])):
            raise BadQuery(f"{name} cannot be changed")
    return _checked_price(fields["Price"])


def _checked_price(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise BadQuery("Price must be a decimal number")
    try:
        price = Decimal(value)
    except InvalidOperation as error:
        raise BadQuery("Price must be a decimal number") from error
    if not price.is_finite() or not 0 < price <= HIGHEST_PRICE:
        raise BadQuery(f"Price must be above 0 and at most {HIGHEST_PRICE}")
    if price != price.quantize(Decimal("0.01")):
        raise BadQuery("Price has more than two decimal places")
    return price.quantize(Decimal("0.01"))


def _entity_json(entity_type: EntityType, row: Row, select: frozenset[str] | None, origin: str) -> dict[str, object]:
    uri = f"{origin}{ROOT}{entity_type.entity_set}('{quote(str(row[entity_type.key]).replace(chr(39), chr(39) * 2))}')"
    metadata = {"id": uri, "uri": uri, "type": f"{NAMESPACE}.{entity_type.name}"}
    if entity_type.updatable:
        metadata["etag"] = etag(row)
    fields = {name: to_json(value) for name, value in row.items() if select is None or name in select}
    return {"__metadata": metadata, **fields}


def _json(document: object) -> Answer:
    return Answer(200, json.dumps(document, ensure_ascii=False).encode(), JSON)
