"""The tables that every service's database has: the keys of its seal, and its audit trail."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from entryway.storage.columns import Moment


def data_keys(metadata: MetaData) -> Table:
    """Return the table of data keys, each sealed by a master key."""
    return Table(
        "data_keys",
        metadata,
        Column("id", String(8), primary_key=True),
        Column("purpose", String(16), nullable=False),
        Column("sealed_key", LargeBinary, nullable=False),
        Column("created_at", Moment, nullable=False),
    )


def audit_entries(metadata: MetaData) -> Table:
    """Return the audit trail: entries outlive what they tell of, so nothing refers to another table."""
    return Table(
        "audit_entries",
        metadata,
        # SQLite counts by itself in a column that is an INTEGER and nothing else; here the chain counts.
        Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
        Column("at", Moment, nullable=False),
        Column("zid", String(36), nullable=False),
        Column("category", String(32), nullable=False),
        Column("event", String(64), nullable=False),
        Column("actor", String(255), nullable=False),
        Column("object_type", String(64), nullable=False),
        Column("object_id", String(512), nullable=False),
        Column("details", JSON, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Index("ix_audit_entries_zid_number", "zid", "number"),
    )


DATA_KEYS = data_keys(MetaData())
AUDIT_ENTRIES = audit_entries(MetaData())
