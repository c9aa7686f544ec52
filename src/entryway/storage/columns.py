"""Column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import DateTime, String
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


def key_text(length: int | None = None) -> String:
    """Return the type of a text that is compared, sorted and found by its beginning: by bytes, on either database."""
    # PostgreSQL's own collations would sort by a language, and then no index knows where texts with one beginning end.
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Moment(TypeDecorator[datetime]):
    """An instant in UTC; a naive datetime is refused rather than guessed at."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a moment needs a time zone"
            raise ValueError(message)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        # SQLite has no type for a time zone and gives back what we stored, without saying that it was UTC.
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value
