"""Who may call the subscription callbacks: a SaaS registry by its token, a subscription manager by its certificate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from entryway.config.subscription_manager import CertificateName
from entryway.http import Peer, Request
from entryway.oauth.errors import InvalidRequest
from entryway.router.errors import CallerCertificateMissing, CallerCertificateRefused, InsufficientScope
from entryway.security import TokenMissing, TokenValidator

if TYPE_CHECKING:
    from cryptography import x509

SCOPES = ("Callback", "mtcallback")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +(\S+)")


class Caller(Protocol):
    """Knows who may call."""

    async def check(self, request: Request) -> None:
        """Raise unless the request comes from the caller."""


@dataclass(frozen=True, slots=True)
class RegistryCaller:
    """A SaaS registry: it has a token of the application's authorization server, with the scope for callbacks."""

    validator: TokenValidator

    async def check(self, request: Request) -> None:
        given = _BEARER.fullmatch(request.headers.text("authorization") or "")
        if given is None:
            raise TokenMissing("the registry sends a token")
        context = await self.validator.validate_async(given[1])
        if not any(context.check_local_scope(scope) for scope in SCOPES):
            raise InsufficientScope(f"subscription callbacks need the scope {' or '.join(SCOPES)}")


@dataclass(frozen=True, slots=True)
class ManagerCaller:
    """A subscription manager: the platform's front end says in a header with which certificate it came."""

    subject: CertificateName
    issuer: CertificateName
    header: bytes
    trusts: Callable[[Peer], bool]
    """Whose word counts: anybody can write a header."""
    clock: Callable[[], float]

    async def check(self, request: Request) -> None:
        from entryway.oauth.client_certificates import is_current  # noqa: PLC0415 - it loads cryptography

        certificate = self._shown(request)
        if not is_current(certificate, datetime.fromtimestamp(self.clock(), UTC)):
            raise CallerCertificateMissing("the certificate is not valid at this time")
        for part, wanted, name in (
            ("subject", self.subject, certificate.subject),
            ("issuer", self.issuer, certificate.issuer),
        ):
            if not wanted.fits(_attributes(name)):
                raise CallerCertificateRefused(f"the {part} is {name.rfc4514_string()}")

    def _shown(self, request: Request) -> x509.Certificate:
        from entryway.oauth.client_certificates import from_header  # noqa: PLC0415 - it loads cryptography

        values = request.headers.all(self.header) if self.trusts(request.peer) else []
        if len(values) != 1:
            raise CallerCertificateMissing(f"{len(values)} headers {self.header.decode()} that count")
        try:
            return from_header(values[0].decode("latin-1"))
        except InvalidRequest as error:
            raise CallerCertificateMissing(error.detail) from error


def _attributes(name: x509.Name) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for attribute in name:
        key, value = attribute.rfc4514_attribute_name.upper(), attribute.value
        text = value if isinstance(value, str) else value.hex()
        found[key] = found.get(key, frozenset()) | {text}
    return found
