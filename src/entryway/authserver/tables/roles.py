"""Role templates, the collections that hold them and who has those."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.authserver.tables.applications import OfApplication
from entryway.authserver.tables.metadata import AuthServerTable


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
