"""Tenants."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable


class Zone(AuthServerTable):
    """A tenant: its users, applications and keys are its own."""

    __tablename__ = "zones"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subdomain: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str]
    number: Mapped[int]
    created_at: Mapped[datetime]
