"""The certificate that a request was made with: by TLS to us, or to a proxy that we trust and that says so."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from entryway.errors import ConfigurationError
from entryway.oauth import client_certificates
from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography import x509
    from starlette.requests import Request

CLIENT_CERTIFICATE_HEADER = "x-forwarded-client-cert"


@dataclass(frozen=True, slots=True)
class ShownCertificates:
    """Believes `header` from `proxies` alone, and of them nothing else: anybody could write anything into it.

    Everybody else comes with the certificate of the connection, which our own listener has had proved.
    """

    header: str
    proxies: Sequence[IPv4Network | IPv6Network]

    def presented(self, request: Request) -> x509.Certificate | None:
        """Return the client's certificate, None without one."""
        if not self._is_trusted(request.client.host if request.client else ""):
            return client_certificates.of_connection(request.scope)
        # The certificate of its own connection would be the proxy's, not its client's.
        values = [value for value in request.headers.getlist(self.header) if value]
        if len(values) > 1:
            raise InvalidRequest("The request names several client certificates")
        return client_certificates.from_header(values[0]) if values else None

    def _is_trusted(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)


def networks(proxies: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the addresses of proxies, or raise for what is none."""
    try:
        return tuple(ipaddress.ip_network(address) for address in proxies)
    except ValueError as error:
        raise ConfigurationError(f"certificate_proxies must be addresses or networks: {error}") from error
