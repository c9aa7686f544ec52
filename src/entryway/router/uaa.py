"""What the router asks the authorization server, in the form that servers of this kind are used to from routers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from entryway.clients.http import HttpClient, Timeouts, call
from entryway.clients.tokens import JWT_BEARER, TokenRefused, TokenSet, parse_token_answer
from entryway.config.bindings import OAuthCredentials
from entryway.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable

ACCEPT = {"accept": "application/json, text/plain, */*"}
ANSWER_LIMIT = 1024 * 1024
RETRY_AFTER = (0.3, 0.7)
"""Seconds."""
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Uaa:
    """The token endpoint, for one client after the other."""

    http: HttpClient
    credentials: OAuthCredentials
    timeout: Timeouts | None = None

    async def redeem(
        self, code: str, redirect_uri: str, verifier: str | None, notice: str = "", correlation_id: str = ""
    ) -> TokenSet:
        """Return the tokens for a code; a code works once, so nothing is tried twice."""
        form = {"grant_type": "authorization_code", "redirect_uri": redirect_uri, "code": code}
        if verifier is not None:
            form["code_verifier"] = verifier
        form |= self._client(self.credentials)
        return await self._ask(form, self.credentials, notice=notice, headers=_followed(correlation_id))

    async def refresh(self, refresh_token: str, notice: str = "") -> TokenSet:
        """Return fresh tokens."""
        client = self.credentials
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "app_tid": ""}
        if client.secret is None:
            return await self._ask(form | self._client(client), client, notice=notice)
        return await self._ask(form, client, auth=(client.clientid, client.secret), notice=notice)

    async def password(self, username: str, password: str, correlation_id: str = "") -> TokenSet:
        """Return tokens for a name and a password; three attempts, but none after an answer that says what is wrong."""
        form = {"grant_type": "password", "username": username, "password": password} | self._client(self.credentials)
        followed = _followed(correlation_id)
        for seconds in RETRY_AFTER:
            try:
                return await self._ask(form, self.credentials, headers=followed)
            except (UpstreamUnreachable, UpstreamTimeout):
                raise
            except UpstreamError as error:
                # Whoever judged the password counts it: a wrong one that is shown again locks its user out sooner.
                if isinstance(error, TokenRefused) and error.says_why:
                    raise
            await asyncio.sleep(seconds)
        return await self._ask(form, self.credentials, headers=followed)

    async def client_token(self, client: OAuthCredentials) -> TokenSet:
        """Return a token of one of the application's other clients itself."""
        return await self._ask({"grant_type": "client_credentials"} | self._client(client), client)

    async def exchange(self, client: OAuthCredentials, assertion: str, foreign_tenant: str | None = None) -> TokenSet:
        """Return the user's token for another client; `foreign_tenant` is that of an identity service's token."""
        form = {"grant_type": JWT_BEARER, "assertion": assertion} | self._client(client)
        if foreign_tenant is None:
            return await self._ask(form | {"response_type": "token"}, client)
        return await self._ask(form, client, headers={"x-zid": foreign_tenant} if foreign_tenant else {})

    async def user_info(self, access_token: str) -> dict[str, object]:
        """Return what the server tells about the user of a token."""
        headers = {"accept": "application/json", "authorization": f"Bearer {access_token}"}
        answer = await call(self.http, "GET", f"{self.credentials.url}/userinfo", headers=headers, timeout=self.timeout)
        if answer.status != 200:
            raise UpstreamError(answer.origin, f"userinfo answered {answer.status}")
        return answer.json_object()

    async def _ask(
        self,
        form: dict[str, str],
        client: OAuthCredentials,
        *,
        auth: tuple[str, str] | None = None,
        notice: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> TokenSet:
        answer = await call(
            self.http,
            "POST",
            client.token_url + notice,
            headers={**ACCEPT, **headers},
            form=form,
            auth=auth,
            timeout=self.timeout,
            limit=ANSWER_LIMIT,
        )
        return parse_token_answer(answer, submitted=tuple(form.values()))

    @staticmethod
    def _client(client: OAuthCredentials) -> dict[str, str]:
        if client.secret is None:
            return {"client_id": client.clientid}
        return {"client_id": client.clientid, "client_secret": client.secret}


def _followed(correlation_id: str) -> Mapping[str, str]:
    return {"x-correlationid": correlation_id} if correlation_id else NO_HEADERS
