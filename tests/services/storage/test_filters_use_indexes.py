"""What databases say of how they would find what a filter asks for."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite

from entryway.authserver import tables as authserver_tables
from entryway.authserver.provisioning import users as authserver_users
from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.idp import tables as idp_tables
from entryway.idp.provisioning import groups as idp_groups
from entryway.idp.provisioning import users as idp_users
from entryway.idp.schema import SCHEMA as IDP
from entryway.scim import filters
from entryway.storage import Database
from entryway.testing.databases import DatabaseUrl, execute

NAMES = {
    "userName": "login_name",
    "emails.value": "email_key",
    "externalId": "external_id",
    "name.givenName": "given_name_key",
    "name.familyName": "family_name_key",
}

FILLED = (
    """INSERT INTO zones (id, subdomain, name, number, created_at)
    SELECT zone, zone, zone, ascii(zone), now() FROM (VALUES ('y'), ('z')) zones (zone)""",
    """INSERT INTO users (id, zid, origin, user_name, login_name, given_name, family_name, given_name_key,
    family_name_key, email, email_key, password_hash, token_salt, external_id, created_at, updated_at, active)
    SELECT zone || n, zone, 'entryway', n, n, n, n, n, n, n, n, '', '', n, now(), now(), true
    FROM generate_series(1, 2000) n, (VALUES ('y'), ('z')) zones (zone)""",
    "ANALYZE users",
)


@pytest.fixture(scope="module")
def urls(database_url: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("plans")
    made = {schema.service: database_url(folder, schema.service) for schema in (AUTHSERVER, IDP)}

    async def create() -> None:
        for schema in (AUTHSERVER, IDP):
            database = Database(made[schema.service])
            await database.create_all(schema.metadata)
            await database.close()

    asyncio.run(create())
    if not made["authserver"].startswith("sqlite"):
        # What PostgreSQL plans depends on what is there.
        execute(made["authserver"], *FILLED)
    return made


def plan(url: str, query: Select[Any]) -> str:
    dialect = sqlite.dialect() if url.startswith("sqlite") else postgresql.dialect()
    written = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).replace(":", "\\:")
    if url.startswith("sqlite"):
        return "\n".join(row[3] for row in execute(url, f"EXPLAIN QUERY PLAN {written}"))
    # Tables that are empty would be read as a whole.
    settings = [f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan")]
    return "\n".join(row[0] for row in execute(url, *settings, f"EXPLAIN (COSTS OFF) {written}"))


def narrows(plan: str, column: str) -> bool:
    """Whether an index is entered at the value, instead of being read from one end to the other."""
    return any(
        re.search(rf"\b{column}\b", line)
        for line in plan.splitlines()
        if "Index Cond:" in line or line.startswith("SEARCH")
    )


@pytest.mark.parametrize("term", ['eq "Äbc"', 'sw "Äbc"'])
@pytest.mark.parametrize(("attribute", "column"), NAMES.items())
def test_users_of_a_tenant_are_found_by_an_index(urls: dict[str, str], attribute: str, column: str, term: str) -> None:
    user = authserver_tables.User
    condition = authserver_users.FILTERABLE.condition(filters.parse(f"{attribute} {term}"))
    found = plan(urls["authserver"], select(user).where(user.zid == "z", condition))
    assert narrows(found, column), found


@pytest.mark.parametrize("term", ['eq "Äbc"', 'sw "Äbc"'])
@pytest.mark.parametrize(("attribute", "column"), [*NAMES.items(), ("displayName", "display_name_key")])
def test_users_of_the_identity_provider_are_found_by_an_index(
    urls: dict[str, str], attribute: str, column: str, term: str
) -> None:
    condition = idp_users.FILTERABLE.condition(filters.parse(f"{attribute} {term}"))
    found = plan(urls["idp"], select(idp_tables.User).where(condition))
    assert narrows(found, column), found


@pytest.mark.parametrize("filter_", ['displayName sw "Äbc"', 'externalId eq "1"'])
def test_groups_are_found_by_an_index(urls: dict[str, str], filter_: str) -> None:
    condition = idp_groups.FILTERABLE.condition(filters.parse(filter_))
    found = plan(urls["idp"], select(idp_tables.Group).where(condition))
    assert narrows(found, "name_key") or narrows(found, "external_id"), found


def test_a_part_of_a_name_is_looked_for_in_an_index_alone(urls: dict[str, str]) -> None:
    condition = idp_users.FILTERABLE.condition(filters.parse('userName co "bc"'))
    found = plan(urls["idp"], select(idp_tables.User.id).where(condition))
    assert "COVERING INDEX" in found or "Index Only Scan" in found, found
