"""Logins on their way, and browsers in which somebody is logged in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, ID_LENGTH, IdpTable, of_application, of_user


class LoginAttempt(IdpTable):
    """What each step of a login has learned."""

    __tablename__ = "login_attempts"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH))
    # What the application asked for, with its state and nonce: whoever reads it could answer for its user.
    sealed_goal: Mapped[bytes]
    user_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    session_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    authenticated_at: Mapped[datetime | None]
    methods: Mapped[list[str]]
    challenge: Mapped[str | None] = mapped_column(String(255))
    sealed_secret: Mapped[bytes | None]
    login_name: Mapped[str | None] = mapped_column(String(255))
    provider_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    sealed_arrival: Mapped[bytes | None]
    started_at: Mapped[datetime] = mapped_column(index=True)


class LoginSession(IdpTable):
    """`id` is the `sid` of tokens; the cookie's value is known by its digest alone."""

    __tablename__ = "login_sessions"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH), unique=True)
    user_id: Mapped[str] = of_user()
    authenticated_at: Mapped[datetime]
    methods: Mapped[list[str]]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(255))
    provider_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))


class SessionApplication(IdpTable):
    """An application that a session logged in to: it is told when the session ends."""

    __tablename__ = "session_applications"
    __table_args__ = (Index("ix_session_applications_application_id", "application_id"),)
    session_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    application_id: Mapped[str] = of_application(primary_key=True)
    user_id: Mapped[str] = of_user()
    subject: Mapped[str] = mapped_column(String(1024))
    logout_uri: Mapped[str] = mapped_column(String(2000))
    since: Mapped[datetime] = mapped_column(index=True)


class SessionServiceProvider(IdpTable):
    """A service provider of SAML that a session logged in to, and how it knows the user there."""

    __tablename__ = "session_service_providers"
    __table_args__ = (Index("ix_session_service_providers_application_id", "application_id"),)
    session_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    application_id: Mapped[str] = of_application(primary_key=True)
    name_id: Mapped[dict[str, Any]]
    since: Mapped[datetime] = mapped_column(index=True)


class Logout(IdpTable):
    """A logout on its way from one party of a session to the next; `party` has been asked under `request_id`."""

    __tablename__ = "logouts"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(128), unique=True)
    party: Mapped[str] = mapped_column(String(ID_LENGTH))
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
