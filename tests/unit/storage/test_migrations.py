import asyncio
import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import text

from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.broker.schema import SCHEMA as BROKER
from entryway.connectivity.schema import SCHEMA as CONNECTIVITY
from entryway.destinations.schema import SCHEMA as DESTINATIONS
from entryway.idp.schema import SCHEMA as IDP
from entryway.storage import Database, Outcome, Schema
from entryway.storage.revisions import differences
from entryway.storage.schema import SchemaUnknown
from entryway.testing.databases import DatabaseUrl, execute, sqlite_url

SCHEMAS = (AUTHSERVER, DESTINATIONS, BROKER, CONNECTIVITY, IDP)
BY_SERVICE = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.service)


@pytest.fixture
async def database(tmp_path: Path):
    made = Database(sqlite_url(tmp_path, "some"))
    yield made
    await made.close()


@pytest.fixture
async def either(tmp_path: Path, database_url: DatabaseUrl):
    made = Database(database_url(tmp_path, "some"))
    yield made
    await made.close()


@BY_SERVICE
def test_the_baseline_holds_the_tables_as_they_are(schema: Schema) -> None:
    assert schema.head == schema.baseline, f"run scripts/new_baseline.py {schema.service}"


@BY_SERVICE
async def test_a_migrated_database_has_the_shape_of_the_metadata(either: Database, schema: Schema) -> None:
    assert await either.migrate(schema) == Outcome.CREATED
    async with either.engine.connect() as connection:
        assert await connection.run_sync(differences, schema) == []
    assert await either.migrate(schema) == Outcome.CURRENT


@BY_SERVICE
async def test_a_database_without_a_revision_is_taken_over(either: Database, schema: Schema) -> None:
    await either.create_all(schema.metadata)
    assert await either.migrate(schema) == Outcome.ADOPTED
    assert await either.migrate(schema) == Outcome.CURRENT


async def test_an_older_shape_is_taken_over_with_what_it_holds(database: Database) -> None:
    await database.migrate(CONNECTIVITY)
    async with database.engine.begin() as connection:
        for statement in (
            "INSERT INTO connectivity_authority VALUES (1, 'certificate', x'00')",
            "DROP TABLE connectivity_connector",
            "DROP INDEX ix_connectivity_pairing_token_zid",
            "UPDATE alembic_version SET version_num = 'connectivity_baseline_000000000000'",
        ):
            await connection.execute(text(statement))
    assert await database.migrate(CONNECTIVITY) == Outcome.ADOPTED
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences, CONNECTIVITY) == []
        assert (await connection.execute(text("SELECT certificate FROM connectivity_authority"))).scalars().all() == [
            "certificate"
        ]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE inventions (id INTEGER)", "inventions"),
        ("ALTER TABLE connectivity_authority ADD COLUMN colour TEXT", "connectivity_authority.colour"),
        ("ALTER TABLE connectivity_authority DROP COLUMN certificate", "connectivity_authority.certificate"),
    ],
)
async def test_what_cannot_be_taken_over_is_named_and_left_alone(
    database: Database, statement: str, named: str
) -> None:
    await database.migrate(CONNECTIVITY)
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO connectivity_authority VALUES (1, 'certificate', x'00')"))
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.execute(text(statement))
    with pytest.raises(SchemaUnknown, match=named):
        await database.migrate(CONNECTIVITY)
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM connectivity_authority"))).scalar() == 1


@pytest.mark.parametrize("revision", ["connectivity_2031", "broker_baseline_0123456789ab"])
async def test_a_database_of_a_newer_version_or_another_service_is_refused(database: Database, revision: str) -> None:
    await database.migrate(CONNECTIVITY)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    with pytest.raises(SchemaUnknown, match=f"{revision}.*newer version of Entryway, or belongs to another service"):
        await database.migrate(CONNECTIVITY)


async def test_a_further_revision_is_applied(database: Database, tmp_path: Path) -> None:
    await database.migrate(CONNECTIVITY)
    revisions = tmp_path / "revisions"
    revisions.mkdir()
    for file in CONNECTIVITY.revisions.glob("[0-9]*.py"):
        (revisions / file.name).write_text(file.read_text())
    (revisions / "0002_colours.py").write_text(
        f'from alembic import op\nrevision: str = "connectivity_0002"\ndown_revision = "{CONNECTIVITY.head}"\n'
        'def upgrade(): op.execute("CREATE TABLE colours (id INTEGER)")\n'
    )
    assert await database.migrate(Schema("connectivity", CONNECTIVITY.metadata, revisions)) == Outcome.MIGRATED
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM colours"))).scalar() == 0


def _start(url: str, outcomes: "multiprocessing.Queue[str]") -> None:
    async def start() -> None:
        database = Database(url)
        outcomes.put(str(await database.migrate(AUTHSERVER)))
        await database.close()

    asyncio.run(start())


def test_processes_that_start_at_once_migrate_once(tmp_path: Path, database_url: DatabaseUrl) -> None:
    url = database_url(tmp_path, "some")
    spawn = multiprocessing.get_context("spawn")
    outcomes = spawn.Queue()
    processes = [spawn.Process(target=_start, args=(url, outcomes)) for _ in range(3)]
    for process in processes:
        process.start()
    told = sorted(outcomes.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert told == ["created", "current", "current"]
    assert execute(url, "SELECT count(*) FROM alembic_version") == [(1,)]
