"""How long a tenant's tokens last where applications do not say."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class TokenPolicyRow(AuthServerTable):
    """A tenant without a row, or without a value in it, has the defaults."""

    __tablename__ = "token_policies"
    zid: Mapped[str] = zid_column(primary_key=True)
    # In seconds.
    access_validity: Mapped[int | None]
    refresh_validity: Mapped[int | None]
    # Whether each refresh gives a new refresh token, and a second use of an old one ends the login.
    rotates: Mapped[bool] = mapped_column(default=False)
    # `opaque` or `jwt`.
    refresh_format: Mapped[str] = mapped_column(String(8), default="opaque")
