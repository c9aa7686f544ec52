"""Applications that users log in to, and how each proves who it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, ID_LENGTH, IdpTable, of_application


class Application(IdpTable):
    """`settings` is an `ApplicationSettings` document: what may change without another column."""

    __tablename__ = "applications"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    app_tid: Mapped[str] = mapped_column(String(255))
    entity_id: Mapped[str | None] = mapped_column(String(1024), unique=True)
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ApplicationSecret(IdpTable):
    """One secret; an application may have several, one for each binding. Sealed where it must be told again."""

    __tablename__ = "application_secrets"
    application_id: Mapped[str] = of_application(primary_key=True)
    secret_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH))
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]


class ApplicationCertificate(IdpTable):
    """A certificate with which an application proves who it is, known by its SHA-256; sealed is a key that we made."""

    __tablename__ = "application_certificates"
    __table_args__ = (UniqueConstraint("application_id", "binding_id"),)
    application_id: Mapped[str] = of_application(primary_key=True)
    thumbprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    binding_id: Mapped[str] = mapped_column(String(255))
    certificate: Mapped[str] = mapped_column(Text)
    sealed_key: Mapped[bytes | None]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
