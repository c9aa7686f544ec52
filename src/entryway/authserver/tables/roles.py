"""Roles, the collections that hold them, and whom those are given to: users, or whom mappings fit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from entryway.authserver.tables.applications import OfApplication
from entryway.authserver.tables.metadata import AuthServerTable, zid_column


class RoleTemplate(OfApplication):
    __tablename__ = "role_templates"
    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str]
    default_role_name: Mapped[str]
    # Whether the template makes a role by itself: not where an attribute needs a value that an administrator chooses.
    has_default_role: Mapped[bool] = mapped_column(default=True)
    # Attribute name to the values that the default role gives; an empty list means without restriction.
    attribute_values: Mapped[dict[str, Any]]


class RoleTemplateScope(OfApplication):
    __tablename__ = "role_template_scopes"
    template: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)


class Role(OfApplication):
    """A role that an administrator made of a template; it ends with the template."""

    __tablename__ = "roles"
    template: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str]
    # Attribute name to `{"source": …, "values": […]}`.
    attributes: Mapped[dict[str, Any]]

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[ForeignKeyConstraint]:
        of = ["zid", "instance_id"]
        template = [f"role_templates.{name}" for name in (*of, "name")]
        return (ForeignKeyConstraint([*of, "template"], template, ondelete="CASCADE"),)


class RoleCollection(AuthServerTable):
    """A collection of roles: declared by an application, made by an administrator, or there from the start."""

    __tablename__ = "role_collections"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "instance_id"], ["applications.zid", "applications.instance_id"], ondelete="CASCADE"
        ),
        Index("ix_role_collections_zid_instance_id", "zid", "instance_id"),
    )
    zid: Mapped[str] = zid_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    # The application that declares the collection.
    instance_id: Mapped[str | None]
    predefined: Mapped[bool] = mapped_column(default=False)
    description: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RoleCollectionReference(AuthServerTable):
    """A role in a collection; the role's application is named, and may appear later."""

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
    # Empty: the role that the template makes by itself, whatever it is called.
    role: Mapped[str] = mapped_column(primary_key=True, default="")


class RoleAssignment(AuthServerTable):
    __tablename__ = "role_assignments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "collection"], ["role_collections.zid", "role_collections.name"], ondelete="CASCADE"
        ),
        Index("ix_role_assignments_zid_collection", "zid", "collection"),
    )
    zid: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    collection: Mapped[str] = mapped_column(primary_key=True)


class RoleMapping(AuthServerTable):
    """Who has a collection by what an identity provider says: a group, or an attribute with a value."""

    __tablename__ = "role_mappings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["zid", "collection"], ["role_collections.zid", "role_collections.name"], ondelete="CASCADE"
        ),
        Index("ix_role_mappings_zid_origin", "zid", "origin"),
        Index("ix_role_mappings_zid_collection", "zid", "collection"),
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    zid: Mapped[str] = zid_column()
    origin: Mapped[str] = mapped_column(String(255))
    attribute: Mapped[str]
    operator: Mapped[str]
    value: Mapped[str]
    collection: Mapped[str]
