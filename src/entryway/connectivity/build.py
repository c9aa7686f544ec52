"""Settings in, the running pairing API out."""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette

from entryway.clients.tls import outgoing_context
from entryway.connectivity.pairing import Pairings
from entryway.connectivity.pairing_api import PairingApi, render
from entryway.connectivity.rate import Allowance
from entryway.connectivity.revocation import Revocations
from entryway.connectivity.schema import SCHEMA
from entryway.connectivity.settings import PairingSettings
from entryway.errors import EntrywayError
from entryway.security.credentials import ServiceCredentials
from entryway.security.validator import TokenValidator
from entryway.storage import Database, Keyring, Sealer
from entryway.storage.audit import Audit
from entryway.storage.digests import Digests
from entryway.storage.moments import utc_now


def build(settings: PairingSettings) -> Starlette:
    """Return the pairing API as an ASGI application; its tables and its authority come into being when it starts."""
    database = Database(settings.database_url)
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    pairings = Pairings(
        database,
        Sealer(keyring),
        now=utc_now,
        new_token=lambda: secrets.token_urlsafe(32),
        new_connector_id=lambda: str(uuid.uuid4()),
    )
    api = PairingApi(
        settings=settings,
        pairings=pairings,
        revocations=Revocations(
            database, Audit(database, Digests(keyring, SCHEMA.service), utc_now), utc_now, time.monotonic
        ),
        platform=TokenValidator(
            _platform(settings.uaa_url), tls=outgoing_context(os.environ, ca_files=[settings.ca_file])
        ),
        gateway_trust=settings.ca_file.read_text(encoding="ascii"),
        allowance=Allowance(settings.attempts_per_minute),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await keyring.open(database, await database.migrate(SCHEMA))
            authority = await pairings.authority()
            if settings.authority_file is not None:
                _write(settings.authority_file, authority.certificate_pem.decode())
            yield
        finally:
            await database.close()

    return Starlette(
        routes=api.routes(), lifespan=lifespan, exception_handlers={EntrywayError: render, Exception: render}
    )


def _platform(uaa_url: str) -> ServiceCredentials:
    # The platform client acts for every tenant.
    return ServiceCredentials(
        clientid="entryway-platform", xsappname="entryway", key_domain=urlsplit(uaa_url).netloc, tenantmode="shared"
    )


def _write(path: Path, text: str) -> None:
    # The gateway may start at any moment: it must never see half a file.
    beside = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text(text, encoding="ascii")
    beside.replace(path)
