import pytest
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.broker.schema import SCHEMA as BROKER
from entryway.connectivity.schema import SCHEMA as CONNECTIVITY
from entryway.destinations.schema import SCHEMA as DESTINATIONS
from entryway.storage import Schema


def looked_up(table: Table) -> list[list[str]]:
    """The columns of everything by which rows of a table are found, in their order."""
    keys = [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]
    return [[column.name for column in key.columns] for key in (*keys, *table.indexes)]


@pytest.mark.parametrize("schema", [AUTHSERVER, BROKER, CONNECTIVITY, DESTINATIONS], ids=lambda schema: schema.service)
def test_what_refers_to_a_row_is_found_without_reading_the_table(schema: Schema) -> None:
    """Otherwise the end of one user or tenant reads all that everybody has."""
    missing = [
        (table.name, names)
        for table in schema.metadata.sorted_tables
        # Its rows last for minutes.
        if table.name != "provider_requests"
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
        for names in [[column.name for column in key.columns]]
        if not any(set(found[: len(names)]) == set(names) for found in looked_up(table))
    ]
    assert missing == []
