"""The keys that sign tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class SigningKeyRow(AuthServerTable):
    __tablename__ = "signing_keys"
    zid: Mapped[str] = zid_column(primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    sealed_private_key: Mapped[bytes]
    active: Mapped[bool]
    created_at: Mapped[datetime]
    # When it became, or ceased to be, the one that signs.
    changed_at: Mapped[datetime | None]
