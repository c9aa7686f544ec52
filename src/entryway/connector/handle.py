"""A request that came through the tunnel, from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

from entryway.connector.backends import Backends
from entryway.connector.configuration import Mapping
from entryway.connector.issuing import UserCertificate
from entryway.connector.mappings import Mappings, check_access
from entryway.connector.propagation import Propagation
from entryway.connector.rewriting import request_headers, response_headers
from entryway.errors import EntrywayError, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from entryway.http import Body, Client, Form, OutgoingRequest, Request, Response, Target, Timeouts, parse_target
from entryway.telemetry import get_logger
from entryway.tunnel.failures import (
    BackendBroken,
    BackendTimeout,
    BackendUnreachable,
    NotAbsoluteForm,
    PrincipalNotIssued,
)
from entryway.tunnel.forwarding import PRINCIPAL, REQUEST_ID
from entryway.tunnel.respond import CONNECTOR, respond

log = get_logger("connector")


@dataclass(frozen=True, slots=True)
class Connector:
    """Answers the gateway with what the exposed systems say."""

    mappings: Mappings
    propagation: Propagation | None
    backends: Backends
    client: Client
    timeouts: Timeouts

    async def handle(self, request: Request) -> Response:
        request_id = (request.headers.get(REQUEST_ID) or b"").decode("latin-1")
        try:
            return await self._answer(request, request_id)
        except EntrywayError as error:
            log.warning("request_refused", code=error.code, detail=error.detail, request_id=request_id)
            return respond(error, CONNECTOR, request_id)

    async def _answer(self, request: Request, request_id: str) -> Response:
        target = _target(request)
        mapping = self.mappings.resolve(target.host or "", target.port or 80)
        check_access(mapping, target.path, upgrades=request.upgrade is not None)
        certificate = await self._certify(mapping, request.headers.get(PRINCIPAL), request_id)
        outgoing = OutgoingRequest(
            request.method,
            target.origin_form,
            self.backends.origin(mapping, certificate.subject if certificate else None),
            request_headers(request.headers, mapping, certificate),
            _without_trailers(request.body),
            upgrade=request.upgrade,
            timeouts=self.timeouts,
            on_interim=request.send_interim,
        )
        response = await self._send(outgoing, mapping)
        response.headers = response_headers(response.headers, mapping, self.mappings.by_system.values())
        return response

    async def _certify(self, mapping: Mapping, principal: bytes | None, request_id: str) -> UserCertificate | None:
        if principal is None or not mapping.propagates:
            return None
        if self.propagation is None:
            raise PrincipalNotIssued(detail="no principal_ca is configured")
        return await self.propagation.certify(principal.decode("latin-1"), request_id)

    async def _send(self, outgoing: OutgoingRequest, mapping: Mapping) -> Response:
        try:
            return await self.client.send(outgoing)
        except UpstreamUnreachable as error:
            raise BackendUnreachable(mapping.system, error.detail) from error
        except UpstreamTimeout as error:
            raise BackendTimeout(detail=error.detail) from error
        except UpstreamError as error:
            raise BackendBroken(detail=error.detail) from error


def render(request: Request | None, error: Exception) -> Response:
    """Answer a request that failed in a way that nobody foresaw."""
    request_id = (request.headers.get(REQUEST_ID) or b"").decode("latin-1") if request is not None else ""
    log.error("request_failed", request_id=request_id, exc_info=error)
    return respond(error, CONNECTOR, request_id)


def _without_trailers(body: Body) -> Body:
    # Some servers merge the fields behind a chunked body into those before it: a place to forge an identity in.
    return body if body.length is not None else Body.from_chunks(body.chunks())


def _target(request: Request) -> Target:
    try:
        target = parse_target(request.method, request.target)
    except ValueError as error:
        raise NotAbsoluteForm(detail=str(error)) from error
    if target.form is not Form.ABSOLUTE:
        raise NotAbsoluteForm
    return target
