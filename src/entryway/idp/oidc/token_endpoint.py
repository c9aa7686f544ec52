"""The token endpoint: everything that all grants share, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from entryway.idp.oidc.grants import ApplicationDecision, TokenRequest, UserDecision
from entryway.oauth import scopes
from entryway.oauth.errors import InvalidRequest, OAuthError, UnsupportedGrantType
from entryway.telemetry import get_logger
from entryway.web import edge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.authentication import ApplicationAuthentication
    from entryway.idp.oidc.grants import GrantTable
    from entryway.idp.oidc.issuer import Issuer
    from entryway.idp.oidc.targets import Targets
    from entryway.storage.moments import Clock
    from entryway.telemetry.service_meters import ServiceMeters

log = get_logger(__name__)


class GrantNotAllowed(OAuthError):
    """The application is known and may not use this grant."""

    code = "unauthorized_client"
    title = "The application may not use this grant type"


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """`/oauth2/token`."""

    authentication: ApplicationAuthentication
    grants: GrantTable
    targets: Targets
    issuer: Issuer
    clock: Clock
    meters: ServiceMeters | None = None

    async def __call__(self, request: Request) -> Response:
        """Answer a token request."""
        parameters = await edge.read_parameters(request)
        authenticated = await self.authentication.authenticate(request, parameters)
        application, thumbprint = authenticated.application, authenticated.thumbprint
        asked = parse_token_request(parameters, application)
        grant = self.grants.get(asked.grant_type)
        if grant is None:
            raise UnsupportedGrantType
        if asked.grant_type not in application.settings.grant_types:
            raise GrantNotAllowed
        target = await self.targets.resolve(application, parameters.get("resource"), asked.app_tid)
        decision = await grant.authorize(asked, application)
        if isinstance(decision, ApplicationDecision):
            response = await self.issuer.for_application(application, target, thumbprint)
        else:
            if not parameters.get("resource"):
                target = await self.targets.resolve(application, None, decision.authorization.app_tid)
            lifetime = self._refresh_lifetime(application, parameters, decision)
            response = await self.issuer.for_user(application, decision.authorization, target, lifetime, thumbprint)
            _keep_refresh_token(response, asked, decision)
        log.info("token_issued", client_id=application.client_id, grant_type=asked.grant_type)
        if self.meters is not None:
            self.meters.token(asked.grant_type)
        return JSONResponse(response, headers={"cache-control": "no-store", "pragma": "no-cache"})

    def _refresh_lifetime(
        self, application: Application, parameters: Mapping[str, str], decision: UserDecision
    ) -> timedelta:
        if not decision.refreshable or "refresh_token" not in application.settings.grant_types:
            return timedelta()
        lifetime = timedelta(seconds=application.settings.refresh_seconds)
        if decision.refresh_until is not None:
            lifetime = min(lifetime, decision.refresh_until - self.clock())
        asked = _asked_lifetime(parameters.get("refresh_expiry"))
        return lifetime if asked is None else min(lifetime, asked)


def parse_token_request(parameters: Mapping[str, str], application: Application) -> TokenRequest:
    """Return a token request, or raise for what no grant could accept."""
    grant_type = parameters.get("grant_type")
    if not grant_type:
        raise InvalidRequest("Missing parameter: grant_type")
    if parameters.get("token_format", "jwt") != "jwt":
        raise InvalidRequest("Only the token_format jwt is issued here")
    _asked_lifetime(parameters.get("refresh_expiry"))
    return TokenRequest(
        grant_type, scopes.parse(parameters.get("scope")), application.tenant(parameters.get("app_tid")), parameters
    )


def _asked_lifetime(refresh_expiry: str | None) -> timedelta | None:
    """Return for how long the caller wants to refresh, in seconds on the wire; None leaves it to us."""
    if not refresh_expiry:
        return None
    if not refresh_expiry.isascii() or not refresh_expiry.isdigit() or len(refresh_expiry) > 9:
        raise InvalidRequest("refresh_expiry must be a number of seconds")
    return timedelta(seconds=int(refresh_expiry))


def _keep_refresh_token(response: dict[str, Any], asked: TokenRequest, decision: UserDecision) -> None:
    if asked.grant_type == "refresh_token" and not decision.refreshable:
        response["refresh_token"] = asked.required("refresh_token")
