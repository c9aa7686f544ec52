"""The token endpoint: everything that all grants share, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from starlette.responses import Response

from entryway.authserver import edge
from entryway.authserver.additional_attributes import parse_additional
from entryway.authserver.client_authentication import BEARER, PUBLIC, USER_TOKEN
from entryway.authserver.grants import SAME_PERMISSION, GrantTable, TokenRequest
from entryway.authserver.zones import LANDSCAPE
from entryway.oauth import scopes
from entryway.oauth.errors import BadCredentials, InvalidClient, InvalidRequest, OAuthError, UnsupportedGrantType
from entryway.storage.audit import UNKNOWN_USER, happened
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from entryway.authserver.client_authentication import Authenticated, ClientAuthentication
    from entryway.authserver.granting import Granting
    from entryway.authserver.rate_limits import RateLimit
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones
    from entryway.storage.audit import Audit, AuditEvent

log = get_logger(__name__)

OPAQUE = "opaque"
TOKEN_FORMATS = ("jwt", OPAQUE)
RESPONSE_TYPES = frozenset({"token", "id_token"})
# What a client may do that has not proved who it is. Without a secret: the code has a verifier, and the refresh token
# works once. With a user's token: hand the user over to another client.
GRANTS_WITHOUT_PROOF = {
    PUBLIC: frozenset({"authorization_code", "refresh_token"}),
    BEARER: frozenset({USER_TOKEN}),
}
_ANSWERED_WITH = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
)


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """`/oauth/token`, with and without a slash at the end."""

    settings: AuthServerSettings
    zones: Zones
    authentication: ClientAuthentication
    grants: GrantTable
    granting: Granting
    limit: RateLimit
    audit: Audit

    async def __call__(self, request: Request) -> Response:
        """Answer a token request."""
        parameters = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, parameters)
        await self.limit.wait_for_turn(zone.id)
        asked = parse_token_request(zone, parameters)
        authenticated = await self._authenticated(request, zone, parameters)
        grant, client = self.grants.get(asked.grant_type), authenticated.client
        if grant is None:
            raise UnsupportedGrantType
        if SAME_PERMISSION.get(asked.grant_type, asked.grant_type) not in client.grant_types:
            raise InvalidClient("Unauthorized grant type")
        permitted = GRANTS_WITHOUT_PROOF.get(authenticated.method)
        if asked.grant_type not in permitted if permitted else asked.grant_type == USER_TOKEN:
            raise BadCredentials(detail=f"{asked.grant_type} is not for the method {authenticated.method}")
        asked = asked.by(authenticated)
        decision = await grant.authorize(asked, client)
        response = await self.granting.issue(asked, client, decision)
        # The id of an opaque token is the token.
        jti = None if asked.opaque else response["jti"]
        log.info("token_issued", client_id=client.id, grant_type=asked.grant_type, jti=jti)
        self.audit.note(_granted(zone.id, client.id, asked.grant_type))
        return TokenAnswer(response)

    async def _authenticated(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> Authenticated:
        try:
            return await self.authentication.authenticate(request, zone, parameters)
        except BadCredentials as error:
            told = {"reason": error.detail[:200]}
            self.audit.note(happened("ClientAuthenticationFailure", zone.id, "Client", UNKNOWN_USER, new=told))
            await self._refuse_unsubscribed(request, zone, parameters)
            raise

    async def _refuse_unsubscribed(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> None:
        """Say so to an application of the landscape's own tenant that this tenant has not subscribed to."""
        provider = await self.zones.resolve(LANDSCAPE)
        if provider.id == zone.id:
            return
        try:
            client = await self.authentication.confidential(request, provider, parameters)
        except OAuthError:
            return
        if await self.authentication.clients.find(zone.id, client.id) is None:
            raise InvalidClient(f"No client with requested id: {client.id}")


# The trail counts what is the same, and nearly always it is.
@lru_cache(maxsize=10_000)
def _granted(zid: str, client_id: str, grant_type: str) -> AuditEvent:
    told = {"grant_type": grant_type}
    return happened("AccessGranted", zid, "Client", client_id, actor=client_id, new=told)


class TokenAnswer(Response):
    """A token response (RFC 6749 §5.1), made without what Starlette does for answers of any kind."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.body = _json_of(content)
        self.raw_headers = [*_ANSWERED_WITH, (b"content-length", b"%d" % len(self.body))]
        self.status_code = 200
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it: as for every response, when there is nothing to look at in the request."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def _json_of(content: Mapping[str, Any]) -> bytes:
    rest = dict(content)
    token = rest.pop("access_token")
    if token is None:
        return to_json(content)
    # The longest of it is ours, and in Base64 or hexadecimal: no letter need be looked at.
    return b'{"access_token":"%b",%b' % (token.encode("ascii"), to_json(rest).removeprefix(b"{"))


def parse_token_request(zone: Zone, parameters: Mapping[str, str]) -> TokenRequest:
    """Return a token request, or raise for what no grant could accept."""
    grant_type = parameters.get("grant_type")
    if not grant_type:
        raise InvalidRequest("Missing grant type")
    token_format = parameters.get("token_format") or "jwt"
    if token_format not in TOKEN_FORMATS:
        raise InvalidRequest("The token_format must be jwt or opaque")
    response_types = frozenset(parameters.get("response_type", "").split())
    if not response_types <= RESPONSE_TYPES:
        raise InvalidRequest("The response_type must be token, id_token or both")
    return TokenRequest(
        zone=zone,
        grant_type=grant_type,
        scopes=scopes.parse(parameters.get("scope")),
        additional=parse_additional(parameters.get("authorities")),
        parameters=parameters,
        opaque=token_format == OPAQUE,
        response_types=response_types,
    )
