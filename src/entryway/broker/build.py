"""Settings in, the running broker out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from entryway.broker.api import BrokerApi, render
from entryway.broker.broker import Broker
from entryway.broker.offerings import build_offerings
from entryway.broker.operation_store import OperationStore
from entryway.broker.operations import Operations
from entryway.broker.schema import SCHEMA
from entryway.broker.settings import BrokerSettings
from entryway.broker.store import BrokerStore
from entryway.broker.tenant import Tenant
from entryway.clients.access import PLATFORM_CLIENT, BearerCaller, OwnToken
from entryway.clients.applications import ApplicationsClient
from entryway.clients.http import new_http
from entryway.clients.identity_provider import identity_provider
from entryway.clients.tls import outgoing_context
from entryway.clients.tokens import ClientIdentity, TokenClient
from entryway.errors import ConfigurationError, EntrywayError
from entryway.storage import Database, Keyring, Sealer
from entryway.storage.moments import utc_now


def build(settings: BrokerSettings) -> Starlette:
    """Return the broker as an ASGI application; its tables come into being when it starts."""
    if not settings.platform_client_secret:
        raise ConfigurationError("platform_client_secret must not be empty")
    database = Database(settings.database_url)
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    http = new_http(outgoing_context(os.environ, ca_files=[settings.ca_file] if settings.ca_file else []))
    tokens = TokenClient(http)
    uaa_url = settings.uaa_url.rstrip("/")
    identity = ClientIdentity(PLATFORM_CLIENT, settings.platform_client_secret, f"{uaa_url}/oauth/token")
    token = OwnToken(tokens, identity)
    applications = ApplicationsClient(BearerCaller(http, uaa_url, token))
    sealer = Sealer(keyring)
    store = BrokerStore(database, sealer, utc_now)
    tenant = Tenant(token)
    provider = identity_provider(http, settings.identity_provider_url.rstrip("/"), settings.platform_client_secret)
    broker = Broker(store, build_offerings(settings, applications, tokens, tenant, provider), tenant)
    operations = Operations(broker, OperationStore(database, sealer, utc_now))
    api = BrokerApi(broker, operations, settings.platform_client_secret)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await keyring.open(database, await database.migrate(SCHEMA))
            await operations.resume()
            yield
        finally:
            await operations.stop()
            await http.aclose()
            await database.close()

    return Starlette(
        routes=api.routes(),
        lifespan=lifespan,
        exception_handlers={EntrywayError: render, HTTPException: render, Exception: render},
    )
