"""Logging in at an identity service, alone or with an authorization server beside it that knows the user's scopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from entryway.clients.http import HttpClient, Timeouts, call
from entryway.clients.tokens import JWT_BEARER, TokenSet, parse_token_answer
from entryway.config.identity import IdentityCredentials
from entryway.errors import UpstreamError
from entryway.router import login as logins
from entryway.router.authority import IAS, Return
from entryway.router.errors import LoginServerFailed
from entryway.router.ias_token import read_attributes, read_ias_login
from entryway.router.identifiers import new_uuid
from entryway.router.login import Attempt, LoginKeys
from entryway.router.sessions import Login
from entryway.router.tenant_directory import TenantDirectory
from entryway.router.tenants import CLAIM
from entryway.router.uaa import ACCEPT, ANSWER_LIMIT, Uaa
from entryway.router.user_token import read_scopes


@dataclass(frozen=True, slots=True)
class IdentityService:
    """The token endpoint, in the form that services of this kind are used to from routers."""

    http: HttpClient
    credentials: IdentityCredentials
    timeout: Timeouts | None = None

    async def redeem(self, returned: Return) -> TokenSet:
        """Return the tokens for a code; a code works once, so nothing is tried twice."""
        client = self.credentials
        form = {"grant_type": "authorization_code", "redirect_uri": returned.redirect_uri, "code": returned.code}
        if returned.verifier is not None:
            form["code_verifier"] = returned.verifier
        form |= {"client_id": client.clientid, "app_tid": client.tenant}
        if client.secret is not None:
            form["client_secret"] = client.secret
        return await self._ask(form, returned.notice, returned.correlation_id)

    async def exchange(self, assertion: str, resource: str | None = None) -> TokenSet:
        """Return tokens for another one: such that backends take, or those of the resource."""
        client = self.credentials
        form = {"grant_type": JWT_BEARER, "client_id": client.clientid, "app_tid": client.tenant}
        if client.secret is not None:
            form["client_secret"] = client.secret
        if resource is not None:
            form["resource"] = resource
        return await self._ask(form | {"assertion": assertion}, "", new_uuid(), basic=False)

    async def refresh(self, refresh_token: str, notice: str) -> TokenSet:
        """Return fresh tokens."""
        client = self.credentials
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "app_tid": client.tenant}
        if client.secret is None:
            form["client_id"] = client.clientid
        return await self._ask(form, notice, new_uuid())

    async def _ask(self, form: dict[str, str], notice: str, correlation_id: str, *, basic: bool = True) -> TokenSet:
        client = self.credentials
        answer = await call(
            self.http,
            "POST",
            client.token_url + notice,
            headers=ACCEPT | {"x-correlationid": correlation_id},
            form=form,
            auth=(client.clientid, client.secret) if basic and client.secret is not None else None,
            timeout=self.timeout,
            limit=ANSWER_LIMIT,
        )
        return parse_token_answer(answer, submitted=tuple(form.values()))


@dataclass(frozen=True, slots=True)
class IasAuthority:
    """The identity service as an authority; with `uaa`, scopes come from there."""

    service: IdentityService
    keys: LoginKeys = field(repr=False)
    uaa: Uaa | None
    refresh_ahead: float | None
    clock: Callable[[], float]
    directory: TenantDirectory | None = None
    """Knows the tenants, where there are several or only it knows the one."""
    subdomain: str = ""
    """Of the tenant whose users log in here; empty: to be found out by its id."""
    hints_token: bool = False
    """Whether a logout names the user by the id token, which then is kept."""
    kind: str = IAS

    def authorize_url(
        self, redirect_uri: str, identity_provider: str | None, attempt: Attempt | None, *, pkce: bool
    ) -> str:
        credentials = self.service.credentials
        return logins.authorize_url(
            credentials.authorization_endpoint or f"{credentials.url}/oauth2/authorize",
            credentials.clientid,
            redirect_uri,
            identity_provider=identity_provider,
            attempt=attempt,
            pkce=pkce,
            more=f"&scope=openid&app_tid={logins.encode(credentials.tenant)}",
        )

    async def redeem(self, returned: Return) -> Login:
        return await self.read(await self.service.redeem(returned), returned.notice)

    async def refresh(self, login: Login) -> Login:
        tokens = await self.service.refresh(login.refresh_token or "", login.notice)
        fresh = await self.read(
            replace(
                tokens,
                refresh_token=tokens.refresh_token or login.refresh_token,
                id_token=tokens.id_token or login.id_token,
            ),
            login.notice,
        )
        # The router's session is found by the name that its login had.
        return replace(fresh, sid=login.sid or fresh.sid)

    def logout_url(self, page: str | None, login: Login | None) -> str:
        credentials = self.service.credentials
        url = credentials.end_session_endpoint or f"{credentials.url}/oauth2/logout"
        if page is None:
            return url
        url += f"?post_logout_redirect_uri={logins.encode(page)}"
        if login is not None and login.id_token is not None:
            return f"{url}&id_token_hint={logins.encode(login.id_token)}"
        return f"{url}&app_tid={logins.encode(credentials.tenant)}&client_id={logins.encode(credentials.clientid)}"

    async def attributes(self, login: Login) -> Mapping[str, Any]:
        return read_attributes(login.access_token)

    def at_tenant(self, tenant: str | None) -> IasAuthority:
        if self.directory is None or not self.directory.several:
            return self
        return self.of_tenant(self.directory.credentials_of(tenant), tenant or "")

    def of_tenant(self, credentials: IdentityCredentials, subdomain: str) -> IasAuthority:
        """Return the authority for users of the tenant whose identity service takes these credentials."""
        return replace(self, service=replace(self.service, credentials=credentials), subdomain=subdomain)

    async def read(self, tokens: TokenSet, notice: str = "") -> Login:
        """Return the user that the tokens are for, with tenant and scopes."""
        login = read_ias_login(tokens, self.clock(), self.service.credentials, self.refresh_ahead)
        if self.uaa is not None:
            scopes = await self._scopes(self.uaa, login)
            login = replace(login, scopes=frozenset(scopes), claims={**login.claims, "scope": scopes})
        if self.directory is not None:
            tenant = login.foreign_tenant or self.service.credentials.tenant
            subdomain = self.subdomain or (await self.directory.subdomain_of(tenant) if tenant else "")
            login = replace(login, claims={**login.claims, CLAIM: subdomain}) if subdomain else login
        return replace(login, notice=notice, id_token=tokens.id_token if self.hints_token else None)

    async def _scopes(self, uaa: Uaa, login: Login) -> list[str]:
        """Return what the user may do, which the authorization server knows for the identity service's token."""
        try:
            tokens = await uaa.exchange(uaa.credentials, login.access_token, login.foreign_tenant)
        except UpstreamError as error:
            raise LoginServerFailed(
                f"the authorization server did not take the user's token: {error.detail}"
            ) from error
        return read_scopes(tokens.access_token)
