"""Applications and the scopes that they declare and grant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class Application(AuthServerTable):
    """An application, a service (plan `broker`), one instance of a service (plan `clone`) or the platform itself."""

    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("zid", "xsappname"),)
    zid: Mapped[str] = zid_column(primary_key=True)
    instance_id: Mapped[str] = mapped_column(primary_key=True)
    xsappname: Mapped[str]
    plan: Mapped[str]
    master: Mapped[str | None]
    # The service instance's name, by which descriptors of the same tenant may refer to the application.
    instance_name: Mapped[str | None] = mapped_column(index=True)
    # The tenant whose bindings prove the client, where the application is there by a subscription.
    provider_zid: Mapped[str | None] = mapped_column(String(36))
    descriptor: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class OfApplication(AuthServerTable):
    """What ends when its application ends."""

    __abstract__ = True
    # First in every key, for that is what rows are found by.
    zid: Mapped[str] = mapped_column(String(36), primary_key=True, sort_order=-2)
    instance_id: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)

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
