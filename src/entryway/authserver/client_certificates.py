"""The certificate that a request was made with: by TLS to us, or to a proxy that we trust and that says so."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entryway.oauth import client_certificates
from entryway.oauth.client_certificates import AcceptedCertificate
from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from ipaddress import IPv4Network, IPv6Network

    from cryptography import x509
    from starlette.requests import Request

    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone


CLIENT_CERTIFICATE_HEADER = "x-forwarded-client-cert"


def certificate_url(settings: AuthServerSettings, zone: Zone) -> str:
    """Return where clients of a tenant come with a TLS certificate (`certurl` of bindings)."""
    base = settings.certificate_url
    if not base or zone.url == settings.public_url:
        return base or zone.url
    if path := urlsplit(zone.url).path:
        return f"{base}{path}"
    return f"https://{zone.subdomain}.{base.removeprefix('https://')}"


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """Believes `header` from `proxies` alone, and of them nothing else: anybody could write anything into it.

    Everybody else comes with the certificate of the connection, which our own listener has had proved.
    """

    header: str
    proxies: Sequence[IPv4Network | IPv6Network]
    # Who may vouch for certificates of bindings without pinning.
    authorities: Sequence[x509.Certificate]

    def presented(self, request: Request) -> x509.Certificate | None:
        """Return the client's certificate, None without one."""
        if not self._is_trusted(request.client.host if request.client else ""):
            return client_certificates.of_connection(request.scope)
        # The certificate of its own connection would be the proxy's, not its client's.
        values = [value for value in request.headers.getlist(self.header) if value]
        if len(values) > 1:
            raise InvalidRequest("The request names several client certificates")
        return client_certificates.from_header(values[0]) if values else None

    def proof(
        self, accepted: Sequence[AcceptedCertificate], presented: x509.Certificate, now: datetime
    ) -> AcceptedCertificate | None:
        """Return the binding that a certificate proves, None if it proves none."""
        proved = [one for one in accepted if client_certificates.accepts(one, presented, now, self.authorities)]
        return proved[0] if proved else None

    def _is_trusted(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)
