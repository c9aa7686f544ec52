"""The hundred products: the same on every machine and at every start, prices aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    product_id: str
    name: str
    category: str
    description: str
    supplier_id: str
    supplier_name: str
    price: Decimal
    currency_code: str
    weight: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A family of products: ten of them differ by size."""

    category: str
    name: str
    description: str
    lowest_price: str
    weight: str


SIZES = ("Mini", "Basic", "Compact", "Classic", "Plus", "Advanced", "Professional", "Max", "Ultra", "Master")

LINES = (
    Line("Notebooks", "Notebook {size} 15", "Notebook with 15-inch display and fingerprint reader", "749.00", "1.900"),
    Line("Monitors", "Ergo Screen {size}", "Height-adjustable monitor with low-glare panel", "189.50", "5.200"),
    Line("Keyboards", "Silent Keys {size}", "Wireless keyboard with quiet switches", "34.90", "0.720"),
    Line("Mice", "Optic Mouse {size}", "Precise mouse for both hands", "12.99", "0.090"),
    Line("Printers", "Laser Writer {size}", "Network laser printer with duplex unit", "219.00", "11.500"),
    Line("Scanners", "Photo Scan {size}", "Flatbed scanner for photographs and slides", "129.00", "2.300"),
    Line("Smartphones", "Smart Phone {size}", "Telephone with five-year updates", "399.00", "0.180"),
    Line("Tablets", "Flat Tablet {size}", "Tablet with pen and matte display", "329.00", "0.480"),
    Line("Headsets", "Clear Voice {size}", "Headset with noise-cancelling microphone", "59.00", "0.250"),
    Line("Servers", "Power Rack {size}", "Rack server for small computer rooms", "1899.00", "21.000"),
)

SUPPLIERS = ("Becker Berlin", "Panorama Studios", "TECUM", "Talpa", "Alpine Systems", "Danish Fish & IT", "Lisboa Tech")
CREATED = datetime(2024, 1, 8, 8, 0, tzinfo=UTC)


def catalogue() -> tuple[Product, ...]:
    """Return all products in the order of their numbers, HT-1000 first."""
    return tuple(_product(number) for number in range(len(LINES) * len(SIZES)))


def _product(number: int) -> Product:
    line = LINES[number % len(LINES)]
    step = number // len(LINES)
    supplier = (number * 3 + step) % len(SUPPLIERS)
    # Every step up costs a fifth more than the first: plain to check by hand.
    price = Decimal(line.lowest_price) * (Decimal(5 + step) / 5)
    return Product(
        product_id=f"HT-{1000 + number}",
        name=line.name.format(size=SIZES[step]),
        category=line.category,
        description=line.description,
        supplier_id=f"{100000000 + supplier:010d}",
        supplier_name=SUPPLIERS[supplier],
        price=price.quantize(Decimal("0.01")),
        currency_code="USD" if number % 7 == 3 else "EUR",
        weight=Decimal(line.weight),
        created_at=CREATED + timedelta(days=number),
    )
