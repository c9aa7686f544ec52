"""OAuth clients and their secrets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.applications import OfApplication


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
    # Whether codes may be redeemed without a secret, with PKCE alone.
    public: Mapped[bool] = mapped_column(default=False)
    # Part of what every token of the client is checked against: a new value ends all of them.
    token_salt: Mapped[str] = mapped_column(default="")


class BindingSecret(OfApplication):
    """A secret of a client, one for each binding: a digest to check it, and the sealed secret to hand out again."""

    __tablename__ = "binding_secrets"
    binding_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]
