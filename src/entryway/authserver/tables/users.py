"""Users and the passwords that were tried."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from entryway.accounts.names import comparable
from entryway.authserver.tables.metadata import AuthServerTable, zid_column
from entryway.storage.columns import key_text


class User(AuthServerTable):
    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("zid", "origin", "login_name"),
        UniqueConstraint("zid", "id"),
        # How lists are sorted, and names looked for without an origin.
        Index("ix_users_zid_login_name_id", "zid", "login_name", "id"),
        *(
            Index(f"ix_users_zid_{key}", "zid", key)
            for key in ("email_key", "given_name_key", "family_name_key", "external_id")
        ),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    zid: Mapped[str] = zid_column()
    origin: Mapped[str]
    user_name: Mapped[str]
    # The user name in the form that logins are compared in.
    login_name: Mapped[str] = mapped_column(key_text())
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    # The forms that they are compared in, which follow them by themselves.
    given_name_key: Mapped[str] = mapped_column(key_text())
    family_name_key: Mapped[str] = mapped_column(key_text())
    email_key: Mapped[str] = mapped_column(key_text())
    password_hash: Mapped[str]
    # Part of what every token of the user is checked against: a new value ends all of them.
    token_salt: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # Of an administrator's program, or of the system that provisions.
    external_id: Mapped[str | None] = mapped_column(key_text())
    active: Mapped[bool] = mapped_column(default=True)
    last_logon_at: Mapped[datetime | None]
    previous_logon_at: Mapped[datetime | None]

    @validates("given_name", "family_name", "email")
    def _follow(self, name: str, value: str) -> str:
        setattr(self, f"{name}_key", comparable(value))
        return value


class LoginFailure(AuthServerTable):
    """A password that was tried; the name is a keyed digest, because people type passwords into the wrong field."""

    __tablename__ = "login_failures"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    zid: Mapped[str] = zid_column()
    name_digest: Mapped[bytes] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(index=True)
