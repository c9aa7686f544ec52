"""How an application proves at our endpoints who it is."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.oauth import credentials
from entryway.oauth.client_certificates import thumbprint
from entryway.oauth.errors import BadCredentials, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.assertions import ClientAssertions
    from entryway.idp.applications.certificates import ApplicationCertificates
    from entryway.idp.applications.store import Applications
    from entryway.oauth.credentials import PresentedCredentials
    from entryway.web.client_certificates import ShownCertificates


@dataclass(frozen=True, slots=True)
class Authenticated:
    """An application, and the SHA-256 of the certificate that proved it, as tokens name it (RFC 8705 §3.1)."""

    application: Application
    thumbprint: str | None = None


@dataclass(frozen=True, slots=True)
class ApplicationAuthentication:
    """Secrets, signed assertions, or a certificate of the connection; a public client proves nothing."""

    applications: Applications
    certificates: ApplicationCertificates
    shown: ShownCertificates
    assertions: ClientAssertions

    async def check(self, request: Request, parameters: Mapping[str, str]) -> Application:
        """Return the application that calls, or raise BadCredentials."""
        return (await self.authenticate(request, parameters)).application

    async def authenticate(self, request: Request, parameters: Mapping[str, str]) -> Authenticated:
        """Return the application that calls and what it proved that with, or raise BadCredentials."""
        authorization = request.headers.get("authorization")
        if "client_assertion" in parameters or "client_assertion_type" in parameters:
            if authorization is not None or "client_secret" in parameters:
                raise InvalidRequest("Client credentials must be presented in one way only")
            return Authenticated(await self.assertions.check(request, parameters))
        if authorization is None and "client_secret" not in parameters:
            return await self._without_secret(request, parameters.get("client_id", ""))
        url_encoded = request.headers.get("x-cf-encoded-credentials", "").lower() == "true"
        for reading in presented(authorization, parameters, url_encoded=url_encoded):
            application = await self.applications.find(reading.client_id)
            if application is not None and await self.applications.knows_secret(application, reading.secret):
                return Authenticated(application)
        raise BadCredentials("Bad credentials", "unknown client or wrong secret")

    async def _without_secret(self, request: Request, client_id: str) -> Authenticated:
        application = await self.applications.find(client_id) if client_id else None
        presented = self.shown.presented(request)
        if application is not None and presented is not None and await self.certificates.proves(application, presented):
            return Authenticated(application, thumbprint(presented))
        if application is None or not application.settings.public:
            raise BadCredentials("Bad credentials", "no credentials of a client that needs them")
        return Authenticated(application)


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
