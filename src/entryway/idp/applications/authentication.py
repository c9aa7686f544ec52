"""How an application proves at our endpoints who it is."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.oauth import credentials
from entryway.oauth.errors import BadCredentials, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.oauth.credentials import PresentedCredentials


@dataclass(frozen=True, slots=True)
class ApplicationAuthentication:
    """Secrets by Basic or in the body; a public client names itself, and proves nothing."""

    applications: Applications

    async def check(self, request: Request, parameters: Mapping[str, str]) -> Application:
        """Return the application that calls, or raise BadCredentials."""
        authorization = request.headers.get("authorization")
        if authorization is None and "client_secret" not in parameters:
            return await self._public(parameters.get("client_id", ""))
        url_encoded = request.headers.get("x-cf-encoded-credentials", "").lower() == "true"
        for reading in presented(authorization, parameters, url_encoded=url_encoded):
            application = await self.applications.find(reading.client_id)
            if application is not None and await self.applications.knows_secret(application, reading.secret):
                return application
        raise BadCredentials("Bad credentials", "unknown client or wrong secret")

    async def _public(self, client_id: str) -> Application:
        application = await self.applications.find(client_id) if client_id else None
        if application is None or not application.settings.public:
            raise BadCredentials("Bad credentials", "no credentials of a client that needs them")
        return application


def presented(
    authorization: str | None, parameters: Mapping[str, str], *, url_encoded: bool
) -> Sequence[PresentedCredentials]:
    """Return how the credentials may be read; the same secret may come in both places, as routers send it."""
    secret = parameters.get("client_secret")
    if authorization is None or secret is None:
        return credentials.presented(authorization, parameters, url_encoded=url_encoded)
    rest = {name: value for name, value in parameters.items() if name != "client_secret"}
    readings = credentials.presented(authorization, rest, url_encoded=url_encoded)
    if not any(hmac.compare_digest(reading.secret.encode(), secret.encode()) for reading in readings):
        raise InvalidRequest("Client credentials must be presented in one way only")  # RFC 6749 §2.3
    return readings
