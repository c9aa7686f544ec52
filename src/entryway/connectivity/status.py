"""What the data plane says about itself, on the proxy's port: the only requests there that are not for the proxy."""

from __future__ import annotations

import json
import ssl
from urllib.parse import urlsplit

from entryway.connectivity.tunnels import Tunnels
from entryway.errors import Forbidden
from entryway.http import Headers, Request, Response
from entryway.security.bearer import bearer_token
from entryway.security.credentials import ServiceCredentials
from entryway.security.validator import TokenValidator
from entryway.tunnel.failures import NotAbsoluteForm
from entryway.tunnel.pairing import CONNECTORS_PATH

HEALTH_PATH = "/health"
PLATFORM_SCOPE = "entryway.platform"


class Status:
    """`/health` for everybody; which connectors are connected for who has the platform's scope."""

    def __init__(self, tunnels: Tunnels, uaa_url: str, tls: ssl.SSLContext) -> None:
        self._tunnels = tunnels
        platform = ServiceCredentials(
            clientid="entryway-platform", xsappname="entryway", key_domain=urlsplit(uaa_url).netloc, tenantmode="shared"
        )
        self._validator = TokenValidator(platform, tls=tls)

    async def answer(self, request: Request) -> Response:
        """Return what was asked about, or raise as for every other request that is not for the proxy."""
        path = request.target.partition("?")[0]
        if request.method != "GET" or path not in {HEALTH_PATH, CONNECTORS_PATH}:
            raise NotAbsoluteForm
        if path == HEALTH_PATH:
            return _json({"status": "up"})
        caller = await self._validator.validate_async(bearer_token(request.headers.text("authorization")))
        if not caller.check_scope(PLATFORM_SCOPE):
            raise Forbidden(f"the client {caller.get_clientid()} lacks {PLATFORM_SCOPE}")
        zid = caller.get_zone_id()
        return _json(
            [
                {
                    "connector_id": tunnel.identity.connector_id,
                    "zid": tunnel.identity.tunnel.zid,
                    "location_id": tunnel.identity.tunnel.location_id,
                    "connected_since": tunnel.connected_at.isoformat(),
                    "connections": tunnel.connections,
                }
                for tunnel in self._tunnels.by_id.values()
                if tunnel.identity.tunnel.zid == zid
            ]
        )


def _json(value: object) -> Response:
    headers = Headers.trusted([(b"content-type", b"application/json"), (b"cache-control", b"no-store")])
    return Response(200, headers, json.dumps(value).encode())
