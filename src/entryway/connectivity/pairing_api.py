"""The pairing API over HTTP."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.connectivity.authority import read_request
from entryway.connectivity.pairing import Paired, Pairings
from entryway.connectivity.rate import Allowance
from entryway.connectivity.revocation import Revocations
from entryway.connectivity.settings import PairingSettings
from entryway.errors import BadRequest, EntrywayError, Forbidden
from entryway.security.bearer import bearer_token
from entryway.security.context import SecurityContext
from entryway.security.validator import TokenValidator
from entryway.telemetry import get_logger
from entryway.tunnel.identity import TunnelId
from entryway.tunnel.pairing import (
    CONNECTORS_PATH,
    PAIRING_PATH,
    RENEWAL_PATH,
    REVOKED_PATH,
    TOKENS_PATH,
    Gateway,
    Pairing,
    PairingRequest,
    PairingToken,
    PairingTokenRequest,
    RenewalRequest,
)

log = get_logger("connectivity")

BODY_LIMIT = 32 * 1024
PLATFORM_SCOPE = "entryway.platform"

Document = TypeVar("Document", bound=BaseModel)


class TooManyAttempts(EntrywayError):
    """One address tries too often."""

    code = "too_many_attempts"
    status = 429
    title = "Too many attempts; try again later"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class PairingApi:
    """The six requests there are."""

    settings: PairingSettings
    pairings: Pairings
    revocations: Revocations
    platform: TokenValidator
    gateway_trust: str
    allowance: Allowance
    seconds: Callable[[], float] = field(default=time.monotonic)

    def routes(self) -> list[Route]:
        return [
            Route(TOKENS_PATH, self.create_token, methods=["POST"]),
            Route(PAIRING_PATH, self.pair, methods=["POST"]),
            Route(RENEWAL_PATH, self.renew, methods=["POST"]),
            Route(CONNECTORS_PATH, self.connectors, methods=["GET"]),
            Route(CONNECTORS_PATH + "/{connector_id}", self.revoke, methods=["DELETE"]),
            Route(REVOKED_PATH, self.revoked, methods=["GET"]),
        ]

    async def create_token(self, request: Request) -> Response:
        caller = await self._platform_only(request)
        wanted = await _read(request, PairingTokenRequest)
        tunnel = TunnelId(wanted.zid or caller.get_zone_id(), wanted.location_id)
        token, expires_at = await self.pairings.create_token(tunnel, self.settings.token_lifetime)
        answer = PairingToken(token=token, zid=tunnel.zid, location_id=tunnel.location_id, expires_at=expires_at)
        return _answer(answer, 201)

    async def pair(self, request: Request) -> Response:
        self._count(request)
        shown = await _read(request, PairingRequest)
        paired = await self.pairings.pair(
            shown.token, shown.location_id, read_request(shown.csr), self.settings.certificate_lifetime
        )
        return self._told(paired)

    async def renew(self, request: Request) -> Response:
        """Answer the next certificate of a connector that shows the one it has; nothing else proves who it is."""
        self._count(request)
        shown = await _read(request, RenewalRequest)
        try:
            certificate = x509.load_pem_x509_certificate(shown.certificate.encode())
            signature = base64.b64decode(shown.signature, validate=True)
        except ValueError as error:
            raise BadRequest("the certificate or the signature cannot be read") from error
        csr = read_request(shown.csr)
        return self._told(await self.pairings.renew(certificate, csr, signature, self.settings.certificate_lifetime))

    def _count(self, request: Request) -> None:
        address = request.client.host if request.client else ""
        if (wait := self.allowance.take(address, self.seconds())) > 0:
            raise TooManyAttempts(wait)

    def _told(self, paired: Paired) -> Response:
        answer = Pairing(
            connector_id=paired.identity.connector_id,
            zid=paired.identity.tunnel.zid,
            location_id=paired.identity.tunnel.location_id,
            certificate=paired.certificate.public_bytes(serialization.Encoding.PEM).decode(),
            expires_at=paired.certificate.not_valid_after_utc,
            gateway=Gateway(host=self.settings.gateway_host, port=self.settings.gateway_port, trust=self.gateway_trust),
        )
        return _answer(answer, 201)

    async def connectors(self, request: Request) -> Response:
        """List the paired connectors of a tenant; which of them are connected, the gateway knows."""
        caller = await self._platform_only(request)
        rows = await self.pairings.connectors(_tenant(request, caller))
        return JSONResponse(
            [
                {
                    "connector_id": row.connector_id,
                    "zid": row.zid,
                    "location_id": row.location_id,
                    "paired_at": row.paired_at.isoformat(),
                    "expires_at": row.expires_at.isoformat(),
                    "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
                }
                for row in rows
            ]
        )

    async def revoke(self, request: Request) -> Response:
        """Revoke a connector of a tenant."""
        caller = await self._platform_only(request)
        connector_id = request.path_params["connector_id"]
        await self.revocations.revoke(_tenant(request, caller), connector_id, caller.get_clientid())
        return Response(status_code=204)

    async def revoked(self, _request: Request) -> Response:
        """Tell gateways, which have no credentials, whom not to let in: ids, as in certificates, that open nothing."""
        return _answer(await self.revocations.revoked(), 200)

    async def _platform_only(self, request: Request) -> SecurityContext:
        caller = await self.platform.validate_async(bearer_token(request.headers.get("authorization")))
        if not caller.check_scope(PLATFORM_SCOPE):
            raise Forbidden(f"the client {caller.get_clientid()} lacks {PLATFORM_SCOPE}")
        return caller


async def render(_request: Request, error: Exception) -> Response:
    """Answer a request that failed."""
    failed = error if isinstance(error, EntrywayError) else EntrywayError(type(error).__name__)
    log.log(40 if failed.status >= 500 else 30, "pairing_request_failed", code=failed.code, detail=failed.detail)
    headers = {"entryway-error": failed.code, "cache-control": "no-store"}
    if failed.status == 401:
        headers["www-authenticate"] = 'Bearer realm="entryway connectivity"'
    if isinstance(failed, TooManyAttempts):
        headers["retry-after"] = str(math.ceil(failed.seconds))
    problem = {"type": "about:blank", "title": failed.title, "status": failed.status, "code": failed.code}
    if isinstance(failed, BadRequest):
        problem["detail"] = failed.detail
    return JSONResponse(problem, failed.status, headers, media_type="application/problem+json")


def _tenant(request: Request, caller: SecurityContext) -> str:
    """Return the tenant that is asked about; the platform acts for all, as when it makes pairing tokens."""
    return request.query_params.get("zid") or caller.get_zone_id()


def _answer(document: BaseModel, status: int) -> Response:
    return JSONResponse(document.model_dump(mode="json"), status, {"cache-control": "no-store"})


async def _read(request: Request, document: type[Document]) -> Document:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_LIMIT:
            raise BadRequest(f"the body has more than {BODY_LIMIT} bytes")
    try:
        return document.model_validate_json(bytes(content or b"{}"))
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors())
        raise BadRequest(mistakes) from error
