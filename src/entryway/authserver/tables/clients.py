"""OAuth clients and their secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.applications import OfApplication
from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class ClientRow(OfApplication):
    """An OAuth client: one for each application."""

    __tablename__ = "clients"
    client_id: Mapped[str] = mapped_column(index=True)
    # In seconds; None: as long as the tenant's policy says.
    access_validity: Mapped[int | None]
    refresh_validity: Mapped[int | None]
    redirect_uris: Mapped[list[str]]
    grant_types: Mapped[list[str]]
    authorities: Mapped[list[str]]
    foreign_scopes: Mapped[list[str]]
    system_attributes: Mapped[list[str]]
    allowed_providers: Mapped[list[str] | None] = mapped_column(JSON)
    # Whether codes may be redeemed without a secret, with PKCE alone.
    public: Mapped[bool] = mapped_column(default=False)
    # The keys that sign the client's assertions: written down, or where they are published.
    jwks: Mapped[list[Any]] = mapped_column(JSON, default=list)
    jwks_uri: Mapped[str | None]
    # How bindings may prove themselves, the first unless a binding asks for another.
    credential_types: Mapped[list[str]] = mapped_column(default=lambda: ["binding-secret"])
    # Part of what every token of the client is checked against: a new value ends all of them.
    token_salt: Mapped[str] = mapped_column(default="")


class BindingSecret(OfApplication):
    """A secret of a client, one for each binding: a digest to check it, and the sealed secret to hand out again."""

    __tablename__ = "binding_secrets"
    binding_id: Mapped[str] = mapped_column(primary_key=True)
    # `binding-secret`, or `instance-secret`: then every binding of the instance has the same.
    kind: Mapped[str] = mapped_column(default="binding-secret")
    # Whether the platform asked not to be told the secret.
    hidden: Mapped[bool] = mapped_column(default=False)
    digest: Mapped[bytes]
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]
    # To the minute: who replaces a secret sees when nobody uses the old one any more.
    last_used_at: Mapped[datetime | None]


class BindingCertificate(OfApplication):
    """A certificate that proves a client, one for each binding; the key is sealed, and only there if we made it."""

    __tablename__ = "binding_certificates"
    binding_id: Mapped[str] = mapped_column(primary_key=True)
    # SHA-256 as tokens carry it. Without pinning, newer certificates with the same names are accepted, too.
    thumbprint: Mapped[str] = mapped_column(index=True)
    pinned: Mapped[bool]
    subject: Mapped[str]
    issuer: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    certificate: Mapped[str]
    sealed_key: Mapped[bytes | None]
    # Whether the platform asked not to be told the certificate.
    hidden: Mapped[bool]
    created_at: Mapped[datetime]
    # To the minute: who replaces a certificate sees when nobody uses the old one any more.
    last_used_at: Mapped[datetime | None]


class BindingAuthority(AuthServerTable):
    """The authority that signs certificates for bindings of a tenant."""

    __tablename__ = "binding_authorities"
    zid: Mapped[str] = zid_column(primary_key=True)
    certificate: Mapped[str]
    sealed_key: Mapped[bytes]
    created_at: Mapped[datetime]
