"""What the destination service keeps: one row for each destination, sealed but for its name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from entryway.storage import Moment, Table, table_metadata


class DestinationTable(Table):
    __abstract__ = True
    metadata = table_metadata()


class DestinationRow(DestinationTable):
    """`instance_id` is empty for a destination of the subaccount."""

    __tablename__ = "destination"

    zid: Mapped[str] = mapped_column(primary_key=True)
    instance_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    etag: Mapped[str]
    modified_at: Mapped[datetime] = mapped_column(Moment)
