"""Logging in at the authorization server of an `xsuaa` binding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from entryway.clients.tokens import TokenSet
from entryway.router import login as logins
from entryway.router.authority import XSUAA, Return
from entryway.router.login import Attempt, LoginKeys
from entryway.router.sessions import Login
from entryway.router.uaa import Uaa
from entryway.router.user_token import read_login


@dataclass(frozen=True, slots=True)
class XsuaaAuthority:
    """The authorization server as an authority."""

    uaa: Uaa
    keys: LoginKeys = field(repr=False)
    zone_id: str
    refresh_ahead: float | None
    clock: Callable[[], float]
    kind: str = XSUAA

    def authorize_url(
        self, redirect_uri: str, identity_provider: str | None, attempt: Attempt | None, *, pkce: bool
    ) -> str:
        return logins.authorize_url(
            f"{self.uaa.credentials.url}/oauth/authorize",
            self.uaa.credentials.clientid,
            redirect_uri,
            identity_provider=identity_provider,
            attempt=attempt,
            pkce=pkce,
        )

    async def redeem(self, returned: Return) -> Login:
        tokens = await self.uaa.redeem(
            returned.code, returned.redirect_uri, returned.verifier, returned.notice, returned.correlation_id
        )
        return replace(self._read(tokens), notice=returned.notice)

    async def password(self, username: str, password: str, correlation_id: str) -> Login:
        """Return the user for a name and a password."""
        return self._read(await self.uaa.password(username, password, correlation_id))

    async def refresh(self, login: Login) -> Login:
        tokens = await self.uaa.refresh(login.refresh_token or "", login.notice)
        if tokens.refresh_token is None:
            tokens = replace(tokens, refresh_token=login.refresh_token)
        return replace(self._read(tokens), notice=login.notice)

    def logout_url(self, page: str | None, login: Login | None) -> str:
        del login
        url = f"{self.uaa.credentials.url}/logout.do"
        if page is None:
            return url
        return f"{url}?redirect={logins.encode(page)}&client_id={self.uaa.credentials.clientid}"

    async def attributes(self, login: Login) -> Mapping[str, Any]:
        info = await self.uaa.user_info(login.access_token)
        attributes = info.get("user_attributes")
        return attributes if isinstance(attributes, dict) else {}

    def at_tenant(self, tenant: str | None) -> XsuaaAuthority:
        here = self.uaa.credentials
        there = here.without_tenant() if tenant is None else here.at_tenant(tenant)
        # Whether the user is one of the tenant's is asked with every request, for the host may change.
        return replace(self, uaa=replace(self.uaa, credentials=there), zone_id="")

    def _read(self, tokens: TokenSet) -> Login:
        return read_login(
            tokens,
            self.clock(),
            client_id=self.uaa.credentials.clientid,
            zone_id=self.zone_id,
            refresh_ahead=self.refresh_ahead,
        )
