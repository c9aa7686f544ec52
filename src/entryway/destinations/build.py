"""Settings in, the running destination service out."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from entryway.clients.http import new_http
from entryway.clients.outgoing_addresses import INSIDE
from entryway.clients.tls import outgoing_context
from entryway.destinations.api import DestinationApi
from entryway.destinations.authentications.kind import Means
from entryway.destinations.find import Finder
from entryway.destinations.render import render
from entryway.destinations.retrieval import TokenRetrieval
from entryway.destinations.schema import SCHEMA
from entryway.destinations.settings import DestinationSettings
from entryway.destinations.store import DestinationStore
from entryway.destinations.user_tokens import UserTokens
from entryway.errors import EntrywayError
from entryway.security import ServiceCredentials, TokenValidator
from entryway.storage import Database, Keyring, Sealer


def build(settings: DestinationSettings) -> Starlette:
    """Return the destination service as an ASGI application; its tables come into being when it starts."""
    database = Database(settings.database_url)
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    tls = outgoing_context(os.environ, ca_files=[settings.ca_file] if settings.ca_file else [])
    http = new_http(tls, policy=INSIDE)
    validator = TokenValidator(own_credentials(settings), tls=tls)
    store = DestinationStore(database, Sealer(keyring), lambda: datetime.now(UTC), settings.entities)
    means = Means(TokenRetrieval(http, time.monotonic), UserTokens(validator, http))
    api = DestinationApi(store, Finder(store, means), validator, settings.xsappname)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await keyring.open(database, await database.migrate(SCHEMA))
            yield
        finally:
            await http.aclose()
            await database.close()

    return Starlette(
        routes=api.routes(),
        lifespan=lifespan,
        exception_handlers={EntrywayError: render, HTTPException: render, Exception: render},
    )


def own_credentials(settings: DestinationSettings) -> ServiceCredentials:
    """Return who the service is to the authorization server: the master whose clones are its instances."""
    return ServiceCredentials(
        clientid=f"sb-{settings.xsappname}",
        xsappname=settings.xsappname,
        key_domain=urlsplit(settings.uaa_url).netloc,
        url=settings.uaa_url,
        tenantmode="shared",
    )
