"""What people changed: prices, who changed them and when, kept in one small file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PriceChange:
    price: Decimal
    changed_by: str
    changed_at: datetime


class Prices:
    """The changes so far; a change is on disk before anybody hears that it was made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changes = _load(file)

    def find(self, product_id: str) -> PriceChange | None:
        return self._changes.get(product_id)

    def save(self, product_id: str, change: PriceChange) -> None:
        changes = {**self._changes, product_id: change}
        _store(self._file, changes)
        self._changes = changes


def _load(file: Path) -> Mapping[str, PriceChange]:
    if not file.exists():
        return {}
    return {
        product_id: PriceChange(
            Decimal(entry["price"]), entry["changed_by"], datetime.fromisoformat(entry["changed_at"])
        )
        for product_id, entry in json.loads(file.read_text(encoding="utf-8")).items()
    }


def _store(file: Path, changes: Mapping[str, PriceChange]) -> None:
    document = {
        product_id: {
            "price": str(change.price),
            "changed_by": change.changed_by,
            "changed_at": change.changed_at.isoformat(),
        }
        for product_id, change in changes.items()
    }
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(document, indent=2), encoding="utf-8")
    os.replace(unfinished, file)  # noqa: PTH105 -- the atomic one, by the name people know
