"""What a user has besides a password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, IdpTable, of_user


class Totp(IdpTable):
    """An authenticator app; `last_step` keeps a code from being used twice."""

    __tablename__ = "totp"
    user_id: Mapped[str] = of_user(primary_key=True)
    sealed_secret: Mapped[bytes]
    last_step: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class RecoveryCode(IdpTable):
    __tablename__ = "recovery_codes"
    user_id: Mapped[str] = of_user(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH), primary_key=True)


class Passkey(IdpTable):
    __tablename__ = "passkeys"
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), primary_key=True)
    user_id: Mapped[str] = of_user()
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]]
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
