"""What the broker keeps: instances, bindings and operations; parameters and credentials are sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from entryway.storage import Moment, Table, table_metadata


class BrokerTable(Table):
    __abstract__ = True
    metadata = table_metadata()


class InstanceRow(BrokerTable):
    __tablename__ = "broker_instance"

    id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = mapped_column(index=True)
    service_id: Mapped[str]
    plan_id: Mapped[str]
    name: Mapped[str]
    sealed_parameters: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(Moment)


class BindingRow(BrokerTable):
    __tablename__ = "broker_binding"

    instance_id: Mapped[str] = mapped_column(ForeignKey(InstanceRow.id, ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    zid: Mapped[str] = mapped_column(index=True)
    sealed_parameters: Mapped[bytes]
    sealed_credentials: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(Moment)


class OperationRow(BrokerTable):
    """An operation on an instance that is not done, or failed; the instance may not exist yet."""

    __tablename__ = "broker_operation"

    instance_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    description: Mapped[str]
    service_id: Mapped[str]
    plan_id: Mapped[str]
    sealed_request: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(Moment)
