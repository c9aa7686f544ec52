"""The tables of the authorization server; every one of them belongs to a zone (a tenant)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from entryway.storage import Table, table_metadata


class AuthServerTable(Table):
    __abstract__ = True
    metadata = table_metadata()


def _zid(*, primary_key: bool = False) -> Mapped[str]:
    return mapped_column(String(36), ForeignKey("zones.id", ondelete="CASCADE"), primary_key=primary_key)


class Zone(AuthServerTable):
    """A tenant: its users, applications and keys are its own."""

    __tablename__ = "zones"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subdomain: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str]
    number: Mapped[int]
    created_at: Mapped[datetime]


class SigningKeyRow(AuthServerTable):
    __tablename__ = "signing_keys"
    zid: Mapped[str] = _zid(primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    sealed_private_key: Mapped[bytes]
    active: Mapped[bool]
    created_at: Mapped[datetime]


class Application(AuthServerTable):
    """An application, a service (plan `broker`), one instance of a service (plan `clone`) or the platform itself."""

    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("zid", "xsappname"),)
    zid: Mapped[str] = _zid(primary_key=True)
    instance_id: Mapped[str] = mapped_column(primary_key=True)
    xsappname: Mapped[str]
    plan: Mapped[str]
    master: Mapped[str | None]
    descriptor: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class OfApplication(AuthServerTable):
    """What ends when its application ends."""

    __abstract__ = True
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    instance_id: Mapped[str] = mapped_column(primary_key=True)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[ForeignKeyConstraint]:
        return (
            ForeignKeyConstraint(
                ["zid", "instance_id"], ["applications.zid", "applications.instance_id"], ondelete="CASCADE"
            ),
        )


class Scope(OfApplication):
    __tablename__ = "scopes"
    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str]


class ScopeGrant(OfApplication):
    """A scope that its application grants to another, for users (`user`) or for the other's own calls (`authority`)."""

    __tablename__ = "scope_grants"
    scope: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    grantee: Mapped[str] = mapped_column(primary_key=True, index=True)


class RoleTemplate(OfApplication):
    __tablename__ = "role_templates"
    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str]
    default_role_name: Mapped[str]
    # Attribute name to the values that the default role gives; an empty list means without restriction.
    attribute_values: Mapped[dict[str, Any]]


class RoleTemplateScope(OfApplication):
    __tablename__ = "role_template_scopes"
    template: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)


class RoleCollection(AuthServerTable):
    __tablename__ = "role_collections"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "instance_id"], ["applications.zid", "applications.instance_id"], ondelete="CASCADE"
        ),
    )
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    instance_id: Mapped[str]
    description: Mapped[str]


class RoleCollectionReference(AuthServerTable):
    """A role template in a collection; the template's application is named, and may appear later."""

    __tablename__ = "role_collection_references"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "collection"], ["role_collections.zid", "role_collections.name"], ondelete="CASCADE"
        ),
    )
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    collection: Mapped[str] = mapped_column(primary_key=True)
    xsappname: Mapped[str] = mapped_column(primary_key=True)
    template: Mapped[str] = mapped_column(primary_key=True)


class ClientRow(OfApplication):
    """An OAuth client: one for each application."""

    __tablename__ = "clients"
    client_id: Mapped[str] = mapped_column(index=True)
    access_validity: Mapped[int]
    refresh_validity: Mapped[int]
    redirect_uris: Mapped[list[str]]
    grant_types: Mapped[list[str]]
    authorities: Mapped[list[str]]
    foreign_scopes: Mapped[list[str]]
    system_attributes: Mapped[list[str]]
    allowed_providers: Mapped[list[str] | None] = mapped_column(JSON)


class BindingSecret(OfApplication):
    """A secret of a client, one for each binding: a digest to check it, and the sealed secret to hand out again."""

    __tablename__ = "binding_secrets"
    binding_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]


class User(AuthServerTable):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("zid", "origin", "login_name"), UniqueConstraint("zid", "id"))
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    zid: Mapped[str] = _zid()
    origin: Mapped[str]
    user_name: Mapped[str]
    # The user name in the form that logins are compared in.
    login_name: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_logon_at: Mapped[datetime | None]
    previous_logon_at: Mapped[datetime | None]


class RoleAssignment(AuthServerTable):
    __tablename__ = "role_assignments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "collection"], ["role_collections.zid", "role_collections.name"], ondelete="CASCADE"
        ),
    )
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    collection: Mapped[str] = mapped_column(primary_key=True)


class LoginFailure(AuthServerTable):
    """A password that was tried; the name is a keyed digest, because people type passwords into the wrong field."""

    __tablename__ = "login_failures"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    zid: Mapped[str] = _zid()
    name_digest: Mapped[bytes] = mapped_column(index=True)
    at: Mapped[datetime]


class LoginSession(AuthServerTable):
    """A browser in which somebody has logged in; the cookie's value is kept as a digest only."""

    __tablename__ = "login_sessions"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = _zid()
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    authenticated_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    # The user's password and name at login; a session does not outlive a change of them.
    fingerprint: Mapped[str]


class LoginAttempt(AuthServerTable):
    """A login on its way: what was asked for, and what has been learned about who is there."""

    __tablename__ = "login_attempts"
    id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = _zid()
    browser_digest: Mapped[bytes]
    request: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    authenticated_at: Mapped[datetime | None]
    started_at: Mapped[datetime]


class Authorization(AuthServerTable):
    """What a user allowed a client at one login; every code and refresh token that came of it ends with it."""

    __tablename__ = "authorizations"
    id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = _zid()
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
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuthorizationCodeRow(AuthServerTable):
    __tablename__ = "authorization_codes"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    zid: Mapped[str] = _zid()
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
    zid: Mapped[str] = _zid()
    authorization_id: Mapped[str] = mapped_column(ForeignKey("authorizations.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
