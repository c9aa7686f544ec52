"""`/oauth/clients`: the clients of a tenant, to be read; descriptors make, change and end them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from entryway.authserver import tables
from entryway.authserver.bootstrap import PLATFORM
from entryway.authserver.client import Client
from entryway.authserver.clients import Clients
from entryway.authserver.rest.apps import READ
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.rest.uaa.answers import PAGE, listed, milliseconds
from entryway.errors import NotFound
from entryway.scim.conditions import Filterable, Text
from entryway.scim.queries import parse_query
from entryway.storage import Database
from entryway.storage.pages import page_of

PREFIX = "/oauth/clients"
SCHEMA = "http://cloudfoundry.org/schema/scim/oauth-clients-1.0"
FILTERABLE = Filterable(
    {"client_id": Text(tables.ClientRow.client_id), "name": Text(tables.Application.xsappname)}, frozenset()
)


class ClientUnknown(NotFound):
    """The tenant has no client with this id."""

    code = "client_unknown"
    title = "There is no client with this id"


@dataclass(frozen=True, slots=True)
class ClientOperations:
    """The operations on clients; secrets are never told."""

    database: Database
    clients: Clients

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        query = {"filter": "of client_id and name", "sortBy": "client_id or name", "sortOrder": "", **PAGE}
        return [
            Operation("GET", "/", READ, "List clients", self.list, query=query),
            Operation("GET", "/{client}", READ, "A client", self.get),
        ]

    async def list(self, asked: Asked) -> Any:
        query, client = parse_query(asked.query), tables.ClientRow
        fitting = _clients_of(asked.zid)
        if query.term is not None:
            fitting = fitting.where(FILTERABLE.condition(query.term))
        order: Any = FILTERABLE.order(query.sort_by) if query.sort_by else client.client_id
        by = [order.desc() if query.descending else order.asc(), client.client_id]
        async with self.database.read() as session:
            rows, total = await page_of(session, fitting, by, query.window)
        shown = [await self._shown(asked, row, of) for row, of in rows]
        return listed([each for each in shown if each is not None], total, query, SCHEMA)

    async def get(self, asked: Asked) -> Any:
        client_id = asked.path["client"]
        query = _clients_of(asked.zid).where(tables.ClientRow.client_id == client_id)
        async with self.database.read() as session:
            found = (await session.execute(query)).first()
        shown = await self._shown(asked, *found) if found is not None else None
        if shown is None:
            raise ClientUnknown(client_id)
        return shown

    async def _shown(self, asked: Asked, row: tables.ClientRow, of: tables.Application) -> Any:
        # What the client may do is worked out where it is asked for tokens; it may have gone since.
        client = await self.clients.find(asked.zid, row.client_id)
        return None if client is None else _client(client, row, of)


def _clients_of(zid: str) -> Select[tables.ClientRow, tables.Application]:
    client, app = tables.ClientRow, tables.Application
    return (
        select(client, app)
        .join(app, (app.zid == client.zid) & (app.instance_id == client.instance_id))
        # The landscape's own client is none of the tenant.
        .where(client.zid == zid, client.instance_id != PLATFORM)
    )


def _client(client: Client, row: tables.ClientRow, of: tables.Application) -> dict[str, Any]:
    told: dict[str, Any] = {
        "client_id": client.id,
        "name": client.xsappname,
        "scope": sorted(client.user_scopes),
        "authorities": sorted(client.authorities),
        "authorized_grant_types": sorted(client.grant_types),
        "redirect_uri": list(row.redirect_uris),
        "resource_ids": ["none"],
        "autoapprove": True,
        "allowpublic": client.public,
        "access_token_validity": int(client.access_validity.total_seconds()),
        "refresh_token_validity": int(client.refresh_validity.total_seconds()),
        "lastModified": milliseconds(of.updated_at),
    }
    if client.allowed_providers is not None:
        told["allowedproviders"] = sorted(client.allowed_providers)
    return told
