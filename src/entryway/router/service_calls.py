"""Calls of services that bring a token instead of a session: `x-approuter-authorization`, `x-approuter-access-token`.

Such a call has no browser behind it: no cookie names it, and nobody can forge it from a page. Session cookies of
backends go to the caller, sealed, in one cookie; or, where sessions are shared and the configuration wants it, into a
session of the caller's in the store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from entryway.config.environment_model import ServiceSessionSettings
from entryway.http import Request
from entryway.router.backend_cookies import CookieJar
from entryway.router.cookie_seal import COOKIE, CookieSeal
from entryway.router.cookies import cookie_value
from entryway.router.errors import (
    ServiceAuthorizationMalformed,
    ServiceAuthorizationRefused,
    SessionStoreUnavailable,
)
from entryway.router.identifiers import new_uuid
from entryway.router.identity_callers import IdentityCallers
from entryway.router.service_callers import Caller, XsuaaCallers
from entryway.router.service_sessions import (
    ID,
    Record,
    ServiceRecords,
    ServiceSession,
    name_of,
    take_headers,
)
from entryway.router.sessions import Session
from entryway.router.tenants import Tenants
from entryway.telemetry import get_logger

log = get_logger("router.service_calls")

HEADER = b"x-approuter-authorization"
ACCESS_TOKEN = b"x-approuter-access-token"
NONCE_BYTES = 12
_AUTHORIZATION = re.compile(r"(bearer|basic) +(\S+) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServiceCalls:
    """The calls of services to one application."""

    xsuaa: XsuaaCallers | None
    identity: IdentityCallers | None
    tenants: Tenants | None
    seal: CookieSeal
    clock: Callable[[], float]
    settings: ServiceSessionSettings
    records: ServiceRecords | None
    """Where sessions are kept; None: nowhere."""
    sticky_cookie: str
    """The name of the cookie by which proxies in front find the same instance again."""

    async def session(self, request: Request) -> Session | None:
        """Return the session of a service's call, None if the request is none, or raise."""
        caller = await self._caller(request)
        if caller is None:
            return None
        record = None if self.records is None else await self._record(self.records, request, caller)
        token = b"" if record is None else record.csrf_token
        session = ServiceSession(
            "", b"", token, self.clock(), caller.login, found=caller.found, settings=self.settings, record=record
        )
        if session.keeps_cookies and record is not None:
            session.jars = {name: CookieJar(dict(jar.cookies)) for name, jar in record.jars.items()}
        elif (sealed := cookie_value(request.headers.get(b"cookie"), COOKIE)) is not None:
            session.jars = self.seal.unseal(sealed, caller.login)
        return session

    async def keep_cookies(self, raw: list[tuple[bytes, bytes]], session: Session) -> None:
        """Keep the session cookies of backends for the caller's next call: in the store, or in a cookie of ours."""
        if session.login is None or not isinstance(session, ServiceSession):
            return
        if session.keeps_cookies and self.records is not None and session.record is not None:
            try:
                await self.records.keep(session.record, session.jars)
            except SessionStoreUnavailable as error:
                # The backend has done what was asked: the caller must not think otherwise.
                log.warning("backend_cookies_not_kept", user=session.login.user, reason=error.detail)
            return
        line = self.seal.line(session.jars, session.login, os.urandom(NONCE_BYTES))
        if line is None:
            log.warning("backend_cookies_too_many", user=session.login.user)
        else:
            raw.append((b"set-cookie", line.encode("ascii")))

    def mark(self, raw: list[tuple[bytes, bytes]], session: Session) -> None:
        """Give the caller of a new session what keeps it at this instance, if the configuration wants that."""
        record = session.record if isinstance(session, ServiceSession) else None
        if self.settings.sets_cookie and record is not None and record.is_new:
            line = f"{self.sticky_cookie}={new_uuid()}; Path=/; HttpOnly; Secure"
            raw.append((b"set-cookie", line.encode("ascii")))

    async def _caller(self, request: Request) -> Caller | None:
        given, access_token = request.headers.get(HEADER), request.headers.get(ACCESS_TOKEN)
        if access_token:
            if given:
                raise ServiceAuthorizationMalformed("both x-approuter-authorization and x-approuter-access-token")
            if self.identity is None:
                raise ServiceAuthorizationRefused("no identity service is bound that knows x-approuter-access-token")
            return await self.identity.by_access_token(access_token.decode("latin-1"))
        if not given:
            return None
        found = _AUTHORIZATION.fullmatch(given.decode("latin-1"))
        if found is None:
            raise ServiceAuthorizationMalformed("neither Bearer nor Basic")
        if found[1].lower() == "bearer":
            return await self._by_token(found[2])
        if self.xsuaa is None:
            raise ServiceAuthorizationRefused("no authorization server is bound that knows passwords")
        return await self.xsuaa.by_password(found[2], None if self.tenants is None else self.tenants.of(request))

    async def _by_token(self, token: str) -> Caller:
        # Who says to have issued it says who judges it, and nothing else.
        if self.identity is not None and (self.xsuaa is None or self.identity.issued(token)):
            return await self.identity.by_token(token)
        if self.xsuaa is None:
            raise ServiceAuthorizationRefused("nobody is bound who could judge the token")
        return await self.xsuaa.by_token(token)

    async def _record(self, records: ServiceRecords, request: Request, caller: Caller) -> Record | None:
        name = name_of(request.headers, caller, self.settings, self.clock())
        if request.headers.get(ID):
            take_headers(request)
        try:
            return await records.open(name, caller)
        except SessionStoreUnavailable:
            if self.settings.keeps_csrf_token or self.settings.keeps_cookies:
                raise
            return None  # the call needs nothing that is kept there
