"""What begins when the authorization server starts, goes on beside its requests, and ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from entryway.authserver.admin.applications import Applications
from entryway.authserver.bootstrap import Bootstrap
from entryway.authserver.build_foundation import Foundation
from entryway.authserver.build_trust import Trust
from entryway.authserver.housekeeping import Housekeeping
from entryway.background import running
from entryway.storage import audit_retention


def lifespan_of(
    base: Foundation, trust: Trust, applications: Applications
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the lifespan: first tables, keys and master services, then what must be done now and then."""
    database, audit, keys, clock = base.database, base.audit, base.keys, base.clock
    housekeeping = Housekeeping(database, clock, (keys.rotate_due, trust.refresh.refresh_due))
    bootstrap = Bootstrap(
        base.settings, database, base.keyring, base.sealer, base.digests, keys, base.zones, applications, clock
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        try:
            await bootstrap.run()
            await housekeeping.sweep()
            async with running(
                housekeeping.run(),
                audit.run(),
                audit_retention.run(database, audit, clock, base.settings.audit_kept_for),
            ):
                yield
        finally:
            base.passwords.close()
            await base.http.aclose()
            await database.close()

    return lifespan
