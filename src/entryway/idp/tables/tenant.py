"""What belongs to the identity provider as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, IdpTable, of_user


class SigningKeyRow(IdpTable):
    """A key is published when it is made, and signs from `signs_from` until another one does."""

    __tablename__ = "signing_keys"
    kid: Mapped[str] = mapped_column(String(255), primary_key=True)
    sealed_private_key: Mapped[bytes]
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class SamlKeyRow(IdpTable):
    """A key that signs SAML messages."""

    __tablename__ = "saml_keys"
    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    certificate_pem: Mapped[str]
    sealed_private_key: Mapped[bytes]
    created_at: Mapped[datetime]


class Setting(IdpTable):
    """A document of settings by its name: `password-policy`, `self-service`."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    content: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]


class OneTimeToken(IdpTable):
    """A link that went out by mail; known by its digest, and gone once used."""

    __tablename__ = "one_time_tokens"
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[str] = of_user()
    fingerprint: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(index=True)
