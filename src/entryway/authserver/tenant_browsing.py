"""How a tenant wants browsers treated: whose frames and scripts see answers, with which cookies, where pages lead."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request

from entryway.authserver import tables
from entryway.authserver.edge import path_of, zone_of
from entryway.config import redirect_patterns
from entryway.errors import EntrywayError
from entryway.oauth import redirects
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zones
    from entryway.storage import Database
    from entryway.storage.audit import Audit

OBJECT = "SecuritySettings"
# How long a process may act on what another has changed since.
REMEMBERED = timedelta(seconds=10)
_MOST_REMEMBERED = 20_000
# Where browsers come.
_PAGES = ("/login", "/oauth/authorize", "/logout", "/passcode", "/config", "/saml/")


@dataclass(frozen=True, slots=True)
class Browsing:
    """What a tenant wants; `iframe_domains` as `app.example.com` or `*.example.com`."""

    iframe_domains: tuple[str, ...] = ()
    partitioned_cookies: bool = False
    home_redirect: str = ""
    logout_whitelist: tuple[str, ...] = ()
    # As `https://app.example.com` or `https://*.example.com`.
    cors_origins: tuple[str, ...] = ()

    def may_log_out_to(self, target: str) -> bool:
        """Say whether a logout may lead there, whichever application the user was at."""
        patterns = [one for one in map(redirect_patterns.parse, self.logout_whitelist) if one is not None]
        return bool(patterns) and redirects.allowed(target, patterns)

    def headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return an answer's headers as they are where the trusted domains may show it in a frame."""
        ancestors = " ".join(f"https://{domain}" for domain in self.iframe_domains).encode("ascii")
        in_frames = bool(self.iframe_domains) or self.partitioned_cookies

        def as_wanted(name: bytes, value: bytes) -> tuple[bytes, bytes]:
            if name == b"content-security-policy" and ancestors:
                return name, value.replace(b"frame-ancestors 'none'", b"frame-ancestors " + ancestors)
            if name == b"set-cookie" and in_frames:
                # In another site's frame, browsers leave out every cookie that does not say None.
                value = value.replace(b"SameSite=lax", b"SameSite=None").replace(b"SameSite=none", b"SameSite=None")
                return name, value + (b"; Partitioned" if self.partitioned_cookies else b"")
            return name, value

        return [as_wanted(name.lower(), value) for name, value in given]


@dataclass(frozen=True, slots=True)
class _Known:
    browsing: Browsing
    read_at: datetime


@dataclass(frozen=True, slots=True)
class TenantBrowsing:
    """The wishes of all tenants; those in use are kept in memory for a few seconds."""

    database: Database
    audit: Audit
    clock: Clock
    _known: dict[str, _Known] = field(default_factory=dict)

    async def get(self, zid: str) -> Browsing:
        """Return what a tenant wants, as it was a few seconds ago at the worst."""
        known = self._known.get(zid)
        if known is None or self.clock() - known.read_at >= REMEMBERED:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[zid] = known = _Known(await self.read(zid), self.clock())
        return known.browsing

    async def read(self, zid: str) -> Browsing:
        """Return what a tenant wants now."""
        async with self.database.read() as session:
            row = await session.get(tables.SecuritySettingsRow, zid)
        if row is None:
            return Browsing()
        return Browsing(
            iframe_domains=tuple(row.iframe_domains),
            partitioned_cookies=row.partitioned_cookies,
            home_redirect=row.home_redirect,
            logout_whitelist=tuple(row.logout_whitelist),
            cors_origins=tuple(row.cors_origins),
        )

    async def put(self, zid: str, browsing: Browsing, *, actor: str) -> None:
        """Change what a tenant wants."""
        before = await self.read(zid)
        async with self.database.transaction() as session:
            values = {
                name: list(value) if isinstance(value, tuple) else value for name, value in asdict(browsing).items()
            }
            await session.merge(tables.SecuritySettingsRow(zid=zid, **values))
            await session.flush()
            await self.audit.record(
                session, changed("UPDATE", zid, OBJECT, zid, actor=actor, old=asdict(before), new=asdict(browsing))
            )
        self._known.pop(zid, None)


@dataclass(frozen=True, slots=True)
class BrowsedAsWanted:
    """Gives answers to browsers the headers that the tenant wants."""

    app: ASGIApp
    settings: AuthServerSettings
    zones: Zones
    browsing: TenantBrowsing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        wanted = await self._wanted(Request(scope, receive)) if scope["type"] == "http" else Browsing()
        if wanted == Browsing():
            await self.app(scope, receive, send)
            return

        async def send_back(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = wanted.headers(message["headers"])
            await send(message)

        await self.app(scope, receive, send_back)

    async def _wanted(self, request: Request) -> Browsing:
        if not path_of(request).startswith(_PAGES):
            return Browsing()
        try:
            zone = await zone_of(request, self.zones, self.settings, request.query_params)
            return await self.browsing.get(zone.id)
        except EntrywayError:
            # Whoever answers the request says what is wrong with it.
            return Browsing()
