"""What pages show of a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class BrandingRow(AuthServerTable):
    """A tenant without a row shows what the landscape does; `document` holds what it says itself, but for the logo."""

    __tablename__ = "brandings"
    zid: Mapped[str] = zid_column(primary_key=True)
    document: Mapped[dict[str, Any]]
    logo_type: Mapped[str | None]
    logo: Mapped[bytes | None] = mapped_column()
    updated_at: Mapped[datetime]
