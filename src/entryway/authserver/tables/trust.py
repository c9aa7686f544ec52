"""Identity providers that a tenant trusts, and what logins at them leave behind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class IdentityProviderRow(AuthServerTable):
    """A trusted identity provider; `config` holds what its type needs, and its secrets are sealed beside it."""

    __tablename__ = "identity_providers"
    __table_args__ = (UniqueConstraint("zid", "id"),)
    zid: Mapped[str] = zid_column(primary_key=True)
    origin: Mapped[str] = mapped_column(String(255), primary_key=True)
    id: Mapped[str] = mapped_column(String(36))
    type: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    active: Mapped[bool]
    available_for_logon: Mapped[bool]
    link_text: Mapped[str]
    create_shadow_users: Mapped[bool]
    default_for_noninteractive: Mapped[bool]
    is_default: Mapped[bool]
    email_domains: Mapped[list[str]]
    config: Mapped[dict[str, Any]]
    sealed_secret: Mapped[bytes | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SamlKeyRow(AuthServerTable):
    """A key with which the tenant signs SAML messages and opens assertions; two at most, one of them active."""

    __tablename__ = "saml_keys"
    zid: Mapped[str] = zid_column(primary_key=True)
    kid: Mapped[str] = mapped_column(String(36), primary_key=True)
    certificate: Mapped[str]
    sealed_private_key: Mapped[bytes]
    active: Mapped[bool]
    created_at: Mapped[datetime]


class ProviderRequest(AuthServerTable):
    """A question that an identity provider has yet to answer, once and to the same browser.

    `id` is the id of the SAML request, the state of the OpenID Connect request.
    """

    __tablename__ = "provider_requests"
    zid: Mapped[str] = zid_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    origin: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str]
    browser_digest: Mapped[bytes]
    attempt_id: Mapped[str | None]
    # What only one protocol needs, sealed: nonce and code_verifier, or where a logout goes on to.
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ProviderSession(AuthServerTable):
    """The session at an identity provider that a login here came from; it ends with the login."""

    __tablename__ = "provider_sessions"
    login_digest: Mapped[bytes] = mapped_column(
        ForeignKey("login_sessions.digest", ondelete="CASCADE"), primary_key=True
    )
    zid: Mapped[str] = zid_column()
    origin: Mapped[str] = mapped_column(String(255))
    # How the provider names user and session, as a keyed digest to find them by, and sealed to tell them back.
    subject_digest: Mapped[bytes] = mapped_column(index=True)
    session_index: Mapped[str | None]
    sealed: Mapped[bytes]


class UserAttributes(AuthServerTable):
    """What the identity provider said about a user at the last logon: groups and every attribute with its values."""

    __tablename__ = "user_attributes"
    __table_args__ = (ForeignKeyConstraint(["zid", "user_id"], ["users.zid", "users.id"], ondelete="CASCADE"),)
    zid: Mapped[str] = zid_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    groups: Mapped[list[str]]
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    noted_at: Mapped[datetime]
