"""What users allowed clients, and the codes and refresh tokens that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class Authorization(AuthServerTable):
    """What a user allowed a client at one login; every code and refresh token that came of it ends with it."""

    __tablename__ = "authorizations"
    id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    client_id: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    grant_type: Mapped[str]
    # None until the first token is issued.
    granted_scopes: Mapped[list[str] | None] = mapped_column(JSON)
    requested_scopes: Mapped[list[str]]
    nonce: Mapped[str | None]
    additional: Mapped[dict[str, Any]]
    authenticated_at: Mapped[datetime]
    revocation_signature: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class AuthorizationCodeRow(AuthServerTable):
    __tablename__ = "authorization_codes"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    authorization_id: Mapped[str] = mapped_column(ForeignKey("authorizations.id", ondelete="CASCADE"), index=True)
    redirect_uri: Mapped[str]
    # Whether the authorization request named the redirect_uri, so that the token request must, too.
    redirect_uri_given: Mapped[bool]
    challenge: Mapped[str | None]
    challenge_method: Mapped[str | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RefreshTokenRow(AuthServerTable):
    __tablename__ = "refresh_tokens"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    authorization_id: Mapped[str] = mapped_column(ForeignKey("authorizations.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    # Set where refresh tokens rotate: one that comes again was stolen.
    used_at: Mapped[datetime | None]
