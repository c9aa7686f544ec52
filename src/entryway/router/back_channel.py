"""Logging out at the identity service: it tells the router, which ends its sessions of that login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from entryway.config.identity import IdentityCredentials
from entryway.errors import EntrywayError
from entryway.http import Headers, Request, Response
from entryway.router import audit
from entryway.router.discovered_keys import DiscoveredKeys
from entryway.router.errors import LoginStateInvalid
from entryway.router.ias_token import credentials_for, tenant_of
from entryway.router.logout import BackendsTold
from entryway.router.logout_token import (
    LogoutToken,
    LogoutTokenRefused,
    UsedLogoutTokens,
    read_logout_token,
    refusal,
)
from entryway.router.sessions import Session, SessionStore
from entryway.security.errors import TokenInvalid
from entryway.telemetry import get_logger

log = get_logger("router.logout")

LARGEST_BODY = 64 * 1024
FIELD = "logout_token"


@dataclass(frozen=True, slots=True)
class BackChannel:
    """The endpoint for logout tokens."""

    endpoint: str
    credentials: IdentityCredentials
    keys: DiscoveredKeys
    sessions: SessionStore
    told: BackendsTold
    clock: Callable[[], float]
    used: UsedLogoutTokens = field(default_factory=UsedLogoutTokens)

    def is_endpoint(self, request: Request, path: str) -> bool:
        """Tell whether this is such a message; other methods are ordinary requests."""
        return path == self.endpoint and request.method == "POST"

    async def handle(self, request: Request) -> Response:
        """End the sessions that the token names; who sends it never learns whether there were any."""
        try:
            token = read_logout_token(await _token_of(request), self.credentials, self.clock())
            ended = await self._obey(token)
        except LogoutTokenRefused as error:
            log.warning("logout_token_refused", reason=error.detail)
            return _refused(error)
        log.info("back_channel_logout", sessions=ended)
        return Response(200, Headers([]))

    async def _obey(self, token: LogoutToken) -> int:
        claims = token.unverified.claims
        tenant, credentials = tenant_of(claims), credentials_for(self.credentials, claims)
        sessions = [each for each in await self.sessions.with_sid(token.sid) if _is_of(each, tenant)]
        try:
            # Whoever names a session of ours knows more than a passer-by: a withdrawn key shall not end it.
            await self.keys.verify(token.unverified, latest=bool(sessions), credentials=credentials)
        except TokenInvalid as error:
            raise refusal(error) from error
        now = self.clock()
        if not self.used.first_use(token, now):
            return 0  # it was obeyed; a session that has begun since then is not the one it means
        try:
            await self.sessions.use_state(token.identity, token.expires_at - now)
            return await self._end(sessions)
        except LoginStateInvalid:
            return 0  # another router has obeyed it
        except EntrywayError:
            self.used.forget(token)
            raise

    async def _end(self, sessions: list[Session]) -> int:
        for session in sessions:
            await self.sessions.drop(session)
            self.told.schedule(session, None)
            audit.logged_out(session, "back_channel_logout")
        return len(sessions)


def _is_of(session: Session, tenant: str) -> bool:
    """Tell whether a token of this tenant may end the session: no tenant ends another's."""
    own = None if session.login is None else session.login.foreign_tenant
    return not tenant or not own or tenant == own


async def _token_of(request: Request) -> str | None:
    body = await request.body.read(LARGEST_BODY)
    try:
        form = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return None
    values = form.get(FIELD, [])
    return values[0] if len(values) == 1 else None


def _refused(error: LogoutTokenRefused) -> Response:
    headers = [(b"entryway-error", error.code.encode()), (b"content-type", b"text/plain; charset=utf-8")]
    return Response(400, Headers(headers), f"Error validating logout token: {error.detail}".encode())
