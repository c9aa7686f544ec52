"""Tokens that are kept: opaque ones, ended ones, passcodes, and the ids of assertions that were seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class OpaqueTokenRow(AuthServerTable):
    """An access token that says nothing by itself; `digest` is of what the client holds."""

    __tablename__ = "opaque_tokens"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    # Names the token in lists; it is not the token.
    id: Mapped[str] = mapped_column(index=True)
    client_id: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    claims: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RevokedToken(AuthServerTable):
    """A signed access token that was ended before its time; kept until it would have expired.

    `jti` may also name an authorization that is not stored, or a user at a client (`pair_of`): then everything ends
    that was issued until `before`.
    """

    __tablename__ = "revoked_tokens"
    zid: Mapped[str] = zid_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Passcode(AuthServerTable):
    """A code that somebody reads off a page and types into a program; one per user."""

    __tablename__ = "passcodes"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    authenticated_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SeenAssertion(AuthServerTable):
    """The id of an assertion that works once; kept until the assertion would have expired."""

    __tablename__ = "seen_assertions"
    zid: Mapped[str] = zid_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
