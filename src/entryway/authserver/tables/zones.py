"""Tenants."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class Zone(AuthServerTable):
    """A tenant: its users, applications and keys are its own."""

    __tablename__ = "zones"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    subdomain: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str]
    # The number in the suffix of the tenant's applications: `app!t<number>`.
    number: Mapped[int] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    # When keys were last made, enabled or deleted.
    keys_changed_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    # The one of the tenant's domains that its addresses and its issuer are at.
    main_domain: Mapped[str | None] = mapped_column(String(253))


class TenantDomain(AuthServerTable):
    """A host name of a tenant's own, at which it answers too."""

    __tablename__ = "tenant_domains"
    host: Mapped[str] = mapped_column(String(253), primary_key=True)
    zid: Mapped[str] = zid_column()
    created_at: Mapped[datetime]


class Subscription(AuthServerTable):
    """A tenant uses an application of another; the application stands in the tenant as one of its own does."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "instance_id"], ["applications.zid", "applications.instance_id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["provider_zid", "instance_id"], ["applications.zid", "applications.instance_id"], name="fk_provider"
        ),
        Index("ix_subscriptions_provider_zid_instance_id", "provider_zid", "instance_id"),
    )
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    instance_id: Mapped[str] = mapped_column(primary_key=True)
    provider_zid: Mapped[str] = mapped_column(String(36))
    tenant_mode: Mapped[str]
    # What the application itself uses, by xsappname: it was subscribed along with it.
    dependencies: Mapped[list[str]]
    # Whether an administrator asked for it, or it is only the dependency of another.
    wanted: Mapped[bool]
    created_at: Mapped[datetime]
