"""Users, their groups, and what is remembered of their passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, ID_LENGTH, IdpTable, of_user
from entryway.storage.columns import key_text


class User(IdpTable):
    """A person; `login_name` and what ends in `_key` are the forms in which names are compared."""

    __tablename__ = "users"
    # How lists are sorted; who passes over many of them reads nothing else.
    __table_args__ = (Index("ix_users_login_name_id", "login_name", "id"),)
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(255))
    login_name: Mapped[str] = mapped_column(key_text(255), unique=True)
    email: Mapped[str] = mapped_column(String(255))
    email_key: Mapped[str | None] = mapped_column(key_text(255), unique=True)
    email_verified: Mapped[bool]
    given_name: Mapped[str] = mapped_column(String(255))
    family_name: Mapped[str] = mapped_column(String(255))
    display_name: Mapped[str] = mapped_column(String(255))
    given_name_key: Mapped[str] = mapped_column(key_text(255), index=True)
    family_name_key: Mapped[str] = mapped_column(key_text(255), index=True)
    display_name_key: Mapped[str] = mapped_column(key_text(255), index=True)
    external_id: Mapped[str | None] = mapped_column(key_text(255), index=True)
    attributes: Mapped[dict[str, Any]]
    profile: Mapped[dict[str, Any]]
    active: Mapped[bool]
    locked: Mapped[bool]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    must_change_password: Mapped[bool]
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]
    # The company's provider that brought the user, who goes with it.
    provider_id: Mapped[str | None] = mapped_column(
        String(ID_LENGTH), ForeignKey("corporate_providers.id", ondelete="CASCADE"), index=True
    )


class EarlierPassword(IdpTable):
    """A password that its user must not take again for now."""

    __tablename__ = "earlier_passwords"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    user_id: Mapped[str] = of_user()
    password_hash: Mapped[str]
    replaced_at: Mapped[datetime]


class Failure(IdpTable):
    """A wrong password or code; kept by a digest of the name, so that names that do not exist are counted, too."""

    __tablename__ = "failures"
    __table_args__ = (Index("ix_failures_name", "name_digest", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name_digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH))
    at: Mapped[datetime] = mapped_column(index=True)


class Group(IdpTable):
    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(key_text(255), unique=True)
    description: Mapped[str] = mapped_column(String(255))
    external_id: Mapped[str | None] = mapped_column(key_text(255), index=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]


class Membership(IdpTable):
    __tablename__ = "memberships"
    user_id: Mapped[str] = of_user(primary_key=True)
    group_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True, index=True
    )
