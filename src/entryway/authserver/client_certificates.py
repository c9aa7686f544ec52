"""The certificates that clients come with: where they come to, and which binding a certificate proves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entryway.oauth import client_certificates
from entryway.oauth.client_certificates import AcceptedCertificate
from entryway.web.client_certificates import ShownCertificates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509

    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone


def certificate_url(settings: AuthServerSettings, zone: Zone) -> str:
    """Return where clients of a tenant come with a TLS certificate (`certurl` of bindings)."""
    base = settings.certificate_url
    if not base or zone.url == settings.public_url:
        return base or zone.url
    if path := urlsplit(zone.url).path:
        return f"{base}{path}"
    return f"https://{zone.subdomain}.{base.removeprefix('https://')}"


@dataclass(frozen=True, slots=True)
class ClientCertificates(ShownCertificates):
    """Finds the certificate that a client came with, and the binding that it proves."""

    # Who may vouch for certificates of bindings without pinning.
    authorities: Sequence[x509.Certificate]

    def proof(
        self, accepted: Sequence[AcceptedCertificate], presented: x509.Certificate, now: datetime
    ) -> AcceptedCertificate | None:
        """Return the binding that a certificate proves, None if it proves none."""
        proved = [one for one in accepted if client_certificates.accepts(one, presented, now, self.authorities)]
        return proved[0] if proved else None
