"""The token endpoint: everything that all grants share, in the order in which it happens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from entryway.authserver import edge
from entryway.authserver.grants import GrantTable, TokenRequest
from entryway.oauth import credentials, scopes
from entryway.oauth.errors import InvalidClient, InvalidRequest, UnsupportedGrantType
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.clients import Clients
    from entryway.authserver.granting import Granting
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones

log = get_logger(__name__)

MOST_ADDITIONAL = 50
LONGEST_ADDITIONAL = 1000


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """`/oauth/token`, with and without a slash at the end."""

    settings: AuthServerSettings
    zones: Zones
    clients: Clients
    grants: GrantTable
    granting: Granting

    async def __call__(self, request: Request) -> Response:
        """Answer a token request."""
        parameters = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, parameters)
        asked = parse_token_request(zone, parameters)
        client = await self.clients.authenticate(zone.id, _presented(request, parameters))
        grant = self.grants.get(asked.grant_type)
        if grant is None:
            raise UnsupportedGrantType
        if asked.grant_type not in client.grant_types:
            raise InvalidClient("Unauthorized grant type")
        decision = await grant.authorize(asked, client)
        response = await self.granting.issue(asked, client, decision)
        log.info("token_issued", client_id=client.id, grant_type=asked.grant_type, jti=response["jti"])
        return JSONResponse(response, headers={"cache-control": "no-store", "pragma": "no-cache"})


def parse_token_request(zone: Zone, parameters: Mapping[str, str]) -> TokenRequest:
    """Return a token request, or raise for what no grant could accept."""
    grant_type = parameters.get("grant_type")
    if not grant_type:
        raise InvalidRequest("Missing grant type")
    if parameters.get("token_format", "jwt") != "jwt":
        raise InvalidRequest("Only the token_format jwt is issued here")
    return TokenRequest(
        zone=zone,
        grant_type=grant_type,
        scopes=scopes.parse(parameters.get("scope")),
        additional=parse_additional(parameters.get("authorities")),
        parameters=parameters,
    )


def parse_additional(authorities: str | None) -> Mapping[str, str]:
    """Return the additional attributes that `authorities` carries as JSON: `{"az_attr": {"a": "b"}}`."""
    if not authorities:
        return {}
    try:
        content = json.loads(authorities)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The parameter authorities is not JSON") from error
    attributes = content.get("az_attr", {}) if isinstance(content, dict) else None
    if (
        not isinstance(attributes, dict)
        or not all(isinstance(value, str) and value.isprintable() for value in attributes.values())
        or not all(name.isprintable() for name in attributes)
    ):
        raise InvalidRequest("The parameter authorities must hold az_attr, an object of strings")
    if len(attributes) > MOST_ADDITIONAL or sum(map(len, attributes.values())) > LONGEST_ADDITIONAL:
        raise InvalidRequest("The parameter authorities holds too much")
    return attributes


def _presented(request: Request, parameters: Mapping[str, str]) -> list[credentials.PresentedCredentials]:
    url_encoded = request.headers.get("x-cf-encoded-credentials", "").lower() == "true"
    return list(credentials.presented(request.headers.get("authorization"), parameters, url_encoded=url_encoded))
