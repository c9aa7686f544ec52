"""How a client proves who it is, wherever one is asked: the token, introspection and revocation endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.authserver.edge import header, path_of
from entryway.oauth import client_assertions, credentials
from entryway.oauth.client_certificates import thumbprint
from entryway.oauth.errors import BadCredentials, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from entryway.authserver.client import Client
    from entryway.authserver.client_certificates import ClientCertificates
    from entryway.authserver.client_keys import ClientKeys
    from entryway.authserver.client_lockout import ClientLockout
    from entryway.authserver.clients import Clients
    from entryway.authserver.moments import Clock
    from entryway.authserver.own_tokens import OwnTokens
    from entryway.authserver.seen_assertions import SeenAssertions
    from entryway.authserver.zones import Zone
    from entryway.oauth.credentials import PresentedCredentials

SECRET = "client_secret"  # noqa: S105 - the name of a method
ASSERTION = "private_key_jwt"
CERTIFICATE = "tls_client_auth"
PUBLIC = "none"
BEARER = "bearer"
# The one grant at which a client proves itself with its user's token (`grants/user_token.py`).
USER_TOKEN = "user_token"  # noqa: S105 - the name of a grant


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class Authenticated:
    """A client, and how it proved that it is this one."""

    client: Client
    method: str
    # SHA-256 of the certificate that the connection was made with, as tokens name it (RFC 8705 §3.1).
    thumbprint: str | None = None
    # The user's token that the client came with instead of a proof of its own.
    bearer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Finds out which way a client chose; two ways at once are refused."""

    clients: Clients
    own_tokens: OwnTokens
    certificates: ClientCertificates
    keys: ClientKeys
    seen: SeenAssertions
    lockout: ClientLockout
    clock: Clock

    async def authenticate(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> Authenticated:
        """Return the client, or raise BadCredentials."""
        authorization = header(request, b"authorization")
        kind, _, bearer = (authorization or "").partition(" ")
        if parameters.get("grant_type") == USER_TOKEN and kind.lower() == "bearer":
            own = await self.own_tokens.read(zone, bearer.strip())
            return Authenticated(own.client, BEARER, bearer=bearer.strip())
        if "client_assertion" in parameters or "client_assertion_type" in parameters:
            return await self._by_assertion(request, zone, parameters)
        if authorization is None and "client_secret" not in parameters:
            without_secret = await self._without_secret(request, zone, parameters.get("client_id"))
            if without_secret is not None:
                return without_secret
        url_encoded = (header(request, b"x-cf-encoded-credentials") or "").lower() == "true"
        presented = credentials.presented(authorization, parameters, url_encoded=url_encoded)
        return Authenticated(await self._by_secret(zone, presented), SECRET)

    async def confidential(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> Client:
        """Return the client, which must have proved who it is itself."""
        authenticated = await self.authenticate(request, zone, parameters)
        if authenticated.method in {PUBLIC, BEARER}:
            raise BadCredentials(detail="the client has not proved who it is")
        return authenticated.client

    async def _by_secret(self, zone: Zone, readings: Sequence[PresentedCredentials]) -> Client:
        claimed = readings[0].client_id
        await self.lockout.check(zone.id, claimed)
        try:
            return await self.clients.authenticate(zone.id, readings)
        except BadCredentials:
            await self.lockout.failed(zone.id, claimed)
            raise

    async def _by_assertion(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> Authenticated:
        if "authorization" in request.headers or "client_secret" in parameters:
            raise InvalidRequest("Client credentials must be presented in one way only")
        if parameters.get("client_assertion_type") != client_assertions.TYPE:
            raise InvalidRequest("Unsupported client_assertion_type")
        assertion = parameters.get("client_assertion", "")
        client_id, kid = client_assertions.claimed_client(assertion)
        if parameters.get("client_id", client_id) != client_id:
            raise InvalidRequest("Given client ID does not match authenticated client")
        client = await self.clients.find(zone.id, client_id)
        if client is None:
            raise BadCredentials(detail=f"client {client_id!r} is unknown")
        keys = await self.keys.of(client, kid)
        # RFC 7523 §3 leaves open what names us; clients write the issuer, or the endpoint that they call.
        ours = (zone.issuer, zone.url, f"{zone.url}{path_of(request)}")
        held = client_assertions.verify(assertion, keys, ours, self.clock())
        if not await self.seen.is_first(zone.id, ASSERTION, client.id, held.id, held.expires_at):
            raise BadCredentials(detail="the assertion was used before")
        return Authenticated(client, ASSERTION)

    async def _without_secret(self, request: Request, zone: Zone, client_id: str | None) -> Authenticated | None:
        found = await self.clients.certificates_of(zone.id, client_id) if client_id else None
        if found is None:
            return None
        client, accepted = found
        presented = self.certificates.presented(request) if accepted else None
        if presented is not None:
            proved = self.certificates.proof(accepted, presented, self.clock())
            if proved is None:
                raise BadCredentials(detail=f"the certificate is none of {client.id!r}")
            issued_at = presented.not_valid_before_utc
            if not proved.pinned and issued_at > proved.issued_at:
                await self.clients.note_renewed(client, proved, issued_at)
            await self.clients.note_used(client, proved)
            return Authenticated(client, CERTIFICATE, thumbprint(presented))
        return Authenticated(client, PUBLIC) if client.public else None
