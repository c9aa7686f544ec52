"""What the pairing API keeps: the tunnel's authority, tokens that await their connector, and the connectors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from entryway.storage import Moment, Table, table_metadata


class ConnectivityTable(Table):
    __abstract__ = True
    metadata = table_metadata()


class AuthorityRow(ConnectivityTable):
    """There is one authority; its key is sealed."""

    __tablename__ = "connectivity_authority"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    certificate: Mapped[str]
    sealed_key: Mapped[bytes]


class PairingTokenRow(ConnectivityTable):
    """A token by its hash: who reads this table cannot pair with what it says."""

    __tablename__ = "connectivity_pairing_token"

    hash: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = mapped_column(index=True)
    location_id: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class ConnectorRow(ConnectivityTable):
    """A connector that was paired."""

    __tablename__ = "connectivity_connector"

    connector_id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = mapped_column(index=True)
    location_id: Mapped[str]
    certificate_serial: Mapped[str]
    paired_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
