"""What every table of the authorization server derives from."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.storage import Table, table_metadata


class AuthServerTable(Table):
    __abstract__ = True
    metadata = table_metadata()


def zid_column(*, primary_key: bool = False) -> Mapped[str]:
    """Return the column that says which tenant a row belongs to; by it, what a deleted tenant has is found."""
    of = ForeignKey("zones.id", ondelete="CASCADE")
    return mapped_column(String(36), of, primary_key=primary_key, index=not primary_key)
