"""What all tables of the identity provider share."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.storage import Table, table_metadata

ID_LENGTH = 36
DIGEST_LENGTH = 32


class IdpTable(Table):
    __abstract__ = True
    metadata = table_metadata()


def of_user(*, primary_key: bool = False) -> Mapped[str]:
    """Return a column for what ends with its user."""
    key = ForeignKey("users.id", ondelete="CASCADE")
    return mapped_column(String(ID_LENGTH), key, primary_key=primary_key, index=not primary_key)


def of_application(*, primary_key: bool = False) -> Mapped[str]:
    """Return a column for what ends with its application."""
    key = ForeignKey("applications.id", ondelete="CASCADE")
    return mapped_column(String(ID_LENGTH), key, primary_key=primary_key, index=not primary_key)
