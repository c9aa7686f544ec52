"""What begins when the identity provider starts, goes on beside its requests, and ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from entryway.background import running
from entryway.idp.bootstrap import Bootstrap
from entryway.idp.build_foundation import Foundation
from entryway.idp.build_logins import Logins
from entryway.idp.housekeeping import Housekeeping
from entryway.idp.saml.metadata_refresh import MetadataRefresh
from entryway.storage import audit_retention


def lifespan_of(
    base: Foundation, logins: Logins, metadata: MetadataRefresh
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the lifespan: first tables, keys and the first client, then what must be done now and then."""
    settings, clock, database, audit = base.settings, base.clock, base.database, base.audit
    housekeeping = Housekeeping(database, base.keys, clock, metadata.refresh_due)
    bootstrap = Bootstrap(settings, database, base.keyring, base.keys, base.applications, base.groups)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        try:
            await bootstrap.run()
            await housekeeping.sweep()
            async with running(
                housekeeping.run(),
                audit.run(),
                audit_retention.run(database, audit, clock, settings.audit_kept_for),
            ):
                yield
            await logins.session_end.settle()
            await base.postman.settle()
        finally:
            base.passwords.close()
            await base.http.aclose()
            await database.close()

    return lifespan
