import pytest
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.broker.schema import SCHEMA as BROKER
from entryway.connectivity.schema import SCHEMA as CONNECTIVITY
from entryway.destinations.schema import SCHEMA as DESTINATIONS
from entryway.idp.schema import SCHEMA as IDP
from entryway.storage import Schema

# They end with what they belong to, or not at all, and nobody looks for their end.
KEPT = {
    "audit_entries",
    "authorization_codes",
    "codes",
    "refresh_tokens",
    "binding_certificates",
    "application_certificates",
}


def looked_up(table: Table) -> list[list[str]]:
    """The columns of everything by which rows of a table are found, in their order."""
    keys = [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
    return [[column.name for column in key.columns] for key in (*keys, *table.indexes)]


@pytest.mark.parametrize(
    "schema", [AUTHSERVER, IDP, BROKER, CONNECTIVITY, DESTINATIONS], ids=lambda schema: schema.service
)
def test_what_refers_to_a_row_is_found_without_reading_the_table(schema: Schema) -> None:
    """Otherwise the end of one user or tenant reads all that everybody has."""
    missing = [
        (table.name, names)
        for table in schema.metadata.sorted_tables
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
        for names in [[column.name for column in key.columns]]
        if not any(set(found[: len(names)]) == set(names) for found in looked_up(table))
    ]
    assert missing == []


@pytest.mark.parametrize("schema", [AUTHSERVER, IDP], ids=lambda schema: schema.service)
def test_what_has_expired_is_found_without_reading_the_table(schema: Schema) -> None:
    """Housekeeping looks for it every few minutes."""
    moments = {"expires_at", "last_seen_at", "started_at", "since", "at"}
    missing = [
        (table.name, column.name)
        for table in schema.metadata.sorted_tables
        if table.name not in KEPT
        for column in table.columns
        if column.name in moments and not any(found[0] == column.name for found in looked_up(table))
    ]
    assert missing == []
