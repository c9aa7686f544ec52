"""Tokens for the services we call: our own for the proxy, the user's for the destination service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from products_backend.bindings import OAuthClient
from products_backend.calls import json_object, our_errors
from products_backend.errors import SystemFailed

ORIGIN = "authorization server"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EARLY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class KeptToken:
    value: str = field(repr=False)
    good_until: float


@dataclass(slots=True)
class Tokens:
    """Asks the authorization server; tokens of our own are kept until a minute before they end."""

    http: httpx.AsyncClient
    monotonic: Callable[[], float]
    _kept: dict[str, KeptToken] = field(default_factory=dict)

    async def of_the_application(self, client: OAuthClient) -> str:
        kept = self._kept.get(client.clientid)
        now = self.monotonic()
        if kept is None or kept.good_until <= now:
            answer = await self._fetch(client, {"grant_type": "client_credentials"})
            kept = KeptToken(_token(answer), now + _lifetime(answer) - EARLY_SECONDS)
            self._kept[client.clientid] = kept
        return kept.value

    async def of_the_user(self, client: OAuthClient, user_token: str) -> str:
        """Return a token of the same user that the service behind `client` accepts."""
        return _token(await self._fetch(client, {"grant_type": JWT_BEARER, "assertion": user_token}))

    async def _fetch(self, client: OAuthClient, form: dict[str, str]) -> dict[str, object]:
        credentials = {"client_id": client.clientid, "client_secret": client.clientsecret.get_secret_value()}
        with our_errors(ORIGIN):
            response = await self.http.post(client.token_url, data={**form, **credentials})
        return json_object(ORIGIN, response)


def _token(answer: dict[str, object]) -> str:
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise SystemFailed(ORIGIN, "gave no token")
    return token


def _lifetime(answer: dict[str, object]) -> float:
    seconds = answer.get("expires_in")
    return float(seconds) if isinstance(seconds, (int, float)) else 0.0
