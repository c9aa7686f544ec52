"""The entity types, once: what $metadata says, how a product and an identity read, how values look in JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias
from xml.sax.saxutils import quoteattr

from products_onpremise.certificates import Identity
from products_onpremise.prices import PriceChange
from products_onpremise.products import Product

Value: TypeAlias = "str | bool | int | Decimal | datetime"
Row: TypeAlias = Mapping[str, Value]

ROOT = "/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/"
NAMESPACE = "EPM"


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    type: str
    facets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EntityType:
    name: str
    entity_set: str
    key: str
    properties: tuple[Property, ...]
    updatable: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(each.name for each in self.properties)


def _text(name: str, length: int, **facets: str) -> Property:
    return Property(name, "Edm.String", {"MaxLength": str(length), **facets})


PRODUCT = EntityType(
    name="Product",
    entity_set="ProductSet",
    key="ProductID",
    updatable=("Price",),
    properties=(
        _text("ProductID", 10, Nullable="false"),
        _text("Name", 255),
        _text("Category", 40),
        _text("Description", 255),
        _text("SupplierID", 10),
        _text("SupplierName", 80),
        Property(
            "Price",
            "Edm.Decimal",
            {"Precision": "16", "Scale": "3", "Nullable": "false", "sap:unit": "CurrencyCode", "sap:updatable": "true"},
        ),
        _text("CurrencyCode", 5, **{"sap:semantics": "currency-code"}),
        Property("WeightMeasure", "Edm.Decimal", {"Precision": "13", "Scale": "3", "sap:unit": "WeightUnit"}),
        _text("WeightUnit", 3, **{"sap:semantics": "unit-of-measure"}),
        _text("MeasureUnit", 3),
        _text("TypeCode", 2),
        Property("TaxTarifCode", "Edm.Byte", {}),
        Property("CreatedAt", "Edm.DateTime", {"Precision": "3"}),
        Property("ChangedAt", "Edm.DateTime", {"Precision": "3", "ConcurrencyMode": "Fixed"}),
        _text("ChangedBy", 255),
    ),
)

WHO_AM_I = EntityType(
    name="WhoAmI",
    entity_set="WhoAmISet",
    key="User",
    properties=(
        _text("User", 255, Nullable="false"),
        _text("Subject", 1024),
        _text("Issuer", 1024),
        _text("SerialNumber", 64),
        Property("NotBefore", "Edm.DateTime", {"Precision": "0"}),
        Property("NotAfter", "Edm.DateTime", {"Precision": "0"}),
        Property("MayEdit", "Edm.Boolean", {"Nullable": "false"}),
    ),
)

ENTITY_TYPES = {each.entity_set: each for each in (PRODUCT, WHO_AM_I)}


def product_row(product: Product, change: PriceChange | None) -> Row:
    return {
        "ProductID": product.product_id,
        "Name": product.name,
        "Category": product.category,
        "Description": product.description,
        "SupplierID": product.supplier_id,
        "SupplierName": product.supplier_name,
        "Price": change.price if change else product.price,
        "CurrencyCode": product.currency_code,
        "WeightMeasure": product.weight,
        "WeightUnit": "KG",
        "MeasureUnit": "EA",
        "TypeCode": "PR",
        "TaxTarifCode": 1,
        "CreatedAt": product.created_at,
        "ChangedAt": change.changed_at if change else product.created_at,
        "ChangedBy": change.changed_by if change else "",
    }


def identity_row(identity: Identity, *, may_edit: bool) -> Row:
    return {
        "User": identity.user,
        "Subject": identity.subject,
        "Issuer": identity.issuer,
        "SerialNumber": identity.serial_number,
        "NotBefore": identity.valid_from,
        "NotAfter": identity.valid_until,
        "MayEdit": may_edit,
    }


def etag(row: Row) -> str:
    """Return a weak validator: it changes with the price, and with every change even back to the same price."""
    seen = "\0".join(str(to_json(row[name])) for name in ("ProductID", "Price", "ChangedAt", "ChangedBy"))
    return f"W/\"'{hashlib.sha256(seen.encode()).hexdigest()[:24]}'\""


def to_json(value: Value) -> str | bool | int:
    match value:
        case Decimal():
            return f"{value:f}"
        case datetime():
            return f"/Date({round(value.astimezone(UTC).timestamp() * 1000)})/"
        case _:
            return value


def metadata_document() -> str:
    """Return the $metadata document."""
    types = "".join(_type_xml(each) for each in ENTITY_TYPES.values())
    sets = "".join(_set_xml(each) for each in ENTITY_TYPES.values())
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
        ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
        ' xmlns:sap="http://www.sap.com/Protocols/SAPData">'
        '<edmx:DataServices m:DataServiceVersion="2.0">'
        f'<Schema Namespace="{NAMESPACE}" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">'
        f"{types}"
        f'<EntityContainer Name="{NAMESPACE}_Entities" m:IsDefaultEntityContainer="true">{sets}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    )


def _type_xml(entity_type: EntityType) -> str:
    properties = "".join(
        f"<Property Name={quoteattr(each.name)} Type={quoteattr(each.type)}"
        + "".join(f" {facet}={quoteattr(value)}" for facet, value in each.facets.items())
        + ("" if each.name in entity_type.updatable else ' sap:updatable="false"')
        + "/>"
        for each in entity_type.properties
    )
    key = f'<Key><PropertyRef Name="{entity_type.key}"/></Key>'
    return f'<EntityType Name="{entity_type.name}">{key}{properties}</EntityType>'


def _set_xml(entity_type: EntityType) -> str:
    updatable = "true" if entity_type.updatable else "false"
    return (
        f'<EntitySet Name="{entity_type.entity_set}" EntityType="{NAMESPACE}.{entity_type.name}"'
        f' sap:creatable="false" sap:updatable="{updatable}" sap:deletable="false" sap:content-version="1"/>'
    )
