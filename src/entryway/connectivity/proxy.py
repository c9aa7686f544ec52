"""The HTTP proxy: every request of a connection is judged on its own, so that a kept connection carries no identity."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from entryway.connectivity.callers import Callers
from entryway.connectivity.calls import read_call, request_id_of, tunnel_headers
from entryway.connectivity.status import Status
from entryway.connectivity.tunnels import Tunnels
from entryway.errors import EntrywayError, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from entryway.http import Client, OutgoingRequest, Request, Response, Timeouts, end_to_end
from entryway.telemetry import get_logger
from entryway.tunnel.failures import BackendTimeout, NoConnector, TunnelBroken
from entryway.tunnel.identity import TunnelId
from entryway.tunnel.respond import PROXY, respond

log = get_logger("connectivity-proxy")

# RFC 9110 §9.2.1. Whether another request was carried out before the tunnel broke, nobody can say any more.
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# A connector that dies takes its connections with it in no particular order: the end of one may be the end of all.
SETTLING_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Proxy:
    """Answers applications with what systems on premise say."""

    callers: Callers
    tunnels: Tunnels
    client: Client
    timeouts: Timeouts
    status: Status

    async def handle(self, request: Request) -> Response:
        request_id = request_id_of(request.headers, secrets.token_hex(16))
        try:
            if request.target.startswith("/"):
                return await self.status.answer(request)
            return await self._forward(request, request_id)
        except EntrywayError as error:
            return refuse(error, request_id)

    async def _forward(self, request: Request, request_id: str) -> Response:
        call = read_call(request.method, request.target, request.headers)
        caller = await self.callers.authenticate(call.proxy_token)
        wanted = TunnelId(caller.zid, call.location_id)
        tunnel = self.tunnels.resolve(wanted)
        headers = tunnel_headers(request.headers, call, call.principal or caller.user_token, request_id)
        outgoing = OutgoingRequest(
            request.method,
            call.url,
            tunnel,
            headers,
            request.body,
            upgrade=request.upgrade,
            timeouts=self.timeouts,
            on_interim=request.send_interim,
        )
        try:
            response = await self.client.send(outgoing)
        except UpstreamUnreachable as error:
            log.info("tunnel_unreachable", detail=error.detail, request_id=request_id)
            raise NoConnector(wanted.zid, wanted.location_id) from error
        except UpstreamTimeout as error:
            raise BackendTimeout(detail=error.detail) from error
        except UpstreamError as error:
            if request.method in SAFE and await tunnel.ends_within(SETTLING_SECONDS):
                raise NoConnector(wanted.zid, wanted.location_id) from error
            raise TunnelBroken(detail=error.detail) from error
        response.headers = end_to_end(response.headers)
        return response


def refuse(error: Exception, request_id: str) -> Response:
    """Log why, and answer what the caller may know."""
    if isinstance(error, EntrywayError):
        log.warning("request_refused", code=error.code, detail=error.detail, request_id=request_id)
    else:
        log.error("request_failed", request_id=request_id, exc_info=error)
    return respond(error, PROXY, request_id)


def render(_request: Request | None, error: Exception) -> Response:
    """Answer what never became a request, or failed in a way that nobody foresaw."""
    return refuse(error, secrets.token_hex(16))
