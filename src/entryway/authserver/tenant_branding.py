"""What each tenant's pages show of it: kept, changed, and put in the place of the landscape's for a request."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request

from entryway.authserver import tables
from entryway.authserver.edge import path_of, zone_of
from entryway.errors import EntrywayError
from entryway.storage.audit import changed
from entryway.web.pages import Brand, Branding, Logo, show_brand

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zones
    from entryway.storage import Database
    from entryway.storage.audit import Audit

OBJECT = "Branding"
# How long a process may show what another has changed since.
REMEMBERED = timedelta(seconds=10)
_MOST_REMEMBERED = 1000
# Where pages are shown to people, and what these refer to.
_PAGES = ("/login", "/oauth/authorize", "/logout", "/passcode", "/config", "/saml/", "/resources/")


@dataclass(frozen=True, slots=True)
class _Known:
    brand: Brand | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class TenantBrandings:
    """The brandings of all tenants; those in use are kept in memory for a few seconds."""

    database: Database
    audit: Audit
    of_landscape: Branding
    clock: Clock
    _known: dict[str, _Known] = field(default_factory=dict)

    async def get(self, zid: str) -> Branding | None:
        """Return what a tenant says of itself, None where it says nothing."""
        async with self.database.read() as session:
            row = await session.get(tables.BrandingRow, zid)
        if row is None:
            return None
        logo = {} if row.logo is None else {"logo": Logo(media_type=row.logo_type or "", content=row.logo)}
        return Branding.model_validate({**row.document, **logo})

    async def put(self, zid: str, branding: Branding, *, actor: str) -> None:
        """Replace what a tenant says of itself."""
        document, logo = branding.model_dump(mode="json", exclude={"logo"}, exclude_unset=True), branding.logo
        digest = {"logo": f"sha256:{hashlib.sha256(logo.content).hexdigest()}"} if logo else {}
        async with self.database.transaction() as session:
            row = tables.BrandingRow(
                zid=zid,
                document=document,
                logo_type=logo.media_type if logo else None,
                logo=logo.content if logo else None,
                updated_at=self.clock(),
            )
            await session.merge(row)
            await session.flush()
            await self.audit.record(
                session, changed("UPDATE", zid, OBJECT, zid, actor=actor, new={**document, **digest})
            )
        self._known.pop(zid, None)

    async def delete(self, zid: str, *, actor: str) -> None:
        """Show what the landscape shows."""
        async with self.database.transaction() as session:
            row = await session.get(tables.BrandingRow, zid)
            if row is not None:
                await session.delete(row)
                await session.flush()
                await self.audit.record(session, changed("DELETE", zid, OBJECT, zid, actor=actor, old=row.document))
        self._known.pop(zid, None)

    async def brand(self, zid: str) -> Brand | None:
        """Return what pages of a tenant show; None for the landscape's."""
        known = self._known.get(zid)
        if known is None or self.clock() - known.read_at >= REMEMBERED:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[zid] = known = _Known(await self._read(zid), self.clock())
        return known.brand

    async def _read(self, zid: str) -> Brand | None:
        own = await self.get(zid)
        if own is None:
            return None
        whole = own.over(self.of_landscape)
        return Brand.of(whole, f"?v={hashlib.sha256(repr(whole).encode()).hexdigest()[:12]}")


@dataclass(frozen=True, slots=True)
class TenantBranded:
    """Shows the brand of the tenant that a request for a page is for."""

    app: ASGIApp
    settings: AuthServerSettings
    zones: Zones
    brandings: TenantBrandings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            request = Request(scope, receive)
            show_brand(await self._brand(request) if path_of(request).startswith(_PAGES) else None)
        await self.app(scope, receive, send)

    async def _brand(self, request: Request) -> Brand | None:
        try:
            zone = await zone_of(request, self.zones, self.settings, request.query_params)
            brand = await self.brandings.brand(zone.id)
        except EntrywayError:
            # Whoever answers the request says what is wrong with it.
            return None
        if brand is None or "zid" not in request.query_params:
            return brand
        # At the bare host all tenants have one address for their files.
        return replace(brand, query=f"{brand.query}&zid={zone.id}")
