"""Browsers in which somebody is logged in, or about to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class LoginSession(AuthServerTable):
    """A browser in which somebody has logged in; the cookie's value is kept as a digest only."""

    __tablename__ = "login_sessions"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    authenticated_at: Mapped[datetime] = mapped_column(index=True)
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    # The user's password and name at login; a session does not outlive a change of them.
    fingerprint: Mapped[str]
    # When the identity provider wants the user to log in again.
    ends_at: Mapped[datetime | None]


class LoginAttempt(AuthServerTable):
    """A login on its way: what was asked for, and what has been learned about who is there."""

    __tablename__ = "login_attempts"
    id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = zid_column()
    browser_digest: Mapped[bytes]
    # With the application's state and nonce: whoever reads it could answer for its user.
    sealed_request: Mapped[bytes | None]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    authenticated_at: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(index=True)
    # Without a request: the page of ours that the browser came for.
    afterwards: Mapped[str | None]
    # The identity provider to log in at; null while the user has to choose.
    origin: Mapped[str | None] = mapped_column(String(255))
