"""What users allowed applications, and the codes and tokens that came of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from entryway.idp.tables.table import DIGEST_LENGTH, ID_LENGTH, IdpTable, of_application, of_user


class Authorization(IdpTable):
    __tablename__ = "authorizations"
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    application_id: Mapped[str] = of_application()
    user_id: Mapped[str] = of_user()
    session_id: Mapped[str | None] = mapped_column(String(ID_LENGTH), index=True)
    scopes: Mapped[list[str]]
    nonce: Mapped[str | None]
    authenticated_at: Mapped[datetime]
    methods: Mapped[list[str]]
    app_tid: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))


def _of_authorization() -> Mapped[str]:
    key = ForeignKey("authorizations.id", ondelete="CASCADE")
    return mapped_column(String(ID_LENGTH), key, index=True)


class Code(IdpTable):
    """Kept until its authorization ends, so that a second use is noticed."""

    __tablename__ = "codes"
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH), primary_key=True)
    authorization_id: Mapped[str] = _of_authorization()
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    redirect_uri_given: Mapped[bool]
    challenge: Mapped[str | None] = mapped_column(String(128))
    challenge_method: Mapped[str | None] = mapped_column(String(10))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RefreshToken(IdpTable):
    """`used_at` is set where a token works once: that of a public client."""

    __tablename__ = "refresh_tokens"
    digest: Mapped[bytes] = mapped_column(LargeBinary(DIGEST_LENGTH), primary_key=True)
    authorization_id: Mapped[str] = _of_authorization()
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
