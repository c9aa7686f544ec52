"""Identity providers of companies, whom they vouched for, and what they are being asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, ID_LENGTH, IdpTable, of_user


class CorporateProvider(IdpTable):
    """`settings` is its document, without the client secret."""

    __tablename__ = "corporate_providers"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    alias: Mapped[str] = mapped_column(String(36), unique=True)
    settings: Mapped[dict[str, Any]]
    sealed_secret: Mapped[bytes | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


def _of_provider(*, primary_key: bool = False) -> Mapped[str]:
    key = ForeignKey("corporate_providers.id", ondelete="CASCADE")
    return mapped_column(String(ID_LENGTH), key, primary_key=primary_key, index=not primary_key)


class ProviderLink(IdpTable):
    """Who a user is at a provider, and what it said of them at the last login there."""

    __tablename__ = "provider_links"
    provider_id: Mapped[str] = _of_provider(primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = of_user()
    groups: Mapped[list[str]]
    attributes: Mapped[dict[str, Any]]
    noted_at: Mapped[datetime]


class ProviderSession(IdpTable):
    """The session at a provider that a login here came from; what a logout tells it is sealed."""

    __tablename__ = "provider_sessions"
    session_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("login_sessions.id", ondelete="CASCADE"), primary_key=True
    )
    provider_id: Mapped[str] = _of_provider()
    subject: Mapped[str] = mapped_column(String(255))
    session_index: Mapped[str | None] = mapped_column(String(1024))
    sealed: Mapped[bytes]


class ProviderRequest(IdpTable):
    """A question to a provider that waits for its answer."""

    __tablename__ = "provider_requests"
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    provider_id: Mapped[str] = _of_provider()
    attempt_id: Mapped[str] = mapped_column(String(64))
    browser_digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH))
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SeenAssertion(IdpTable):
    """An assertion that has been used; each works once."""

    __tablename__ = "seen_assertions"
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
