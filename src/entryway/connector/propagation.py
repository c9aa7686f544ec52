"""From a user's token to the certificate that a system believes."""

from __future__ import annotations

from dataclasses import dataclass

from entryway.connector.issuing import CertificateIssuer, UserCertificate
from entryway.connector.principal import SubjectPattern
from entryway.connector.trust import UserTokens
from entryway.telemetry import get_logger

audit = get_logger("audit")


@dataclass(frozen=True, slots=True)
class Propagation:
    """Whose tokens are believed, what a subject looks like, and who signs."""

    tokens: UserTokens
    pattern: SubjectPattern
    issuer: CertificateIssuer

    async def certify(self, token: str, request_id: str) -> UserCertificate:
        """Return a certificate for the user of a token; one that is new leaves a line in the audit log."""
        claims = await self.tokens.verify(token)
        subject = self.pattern.subject(claims)
        if (kept := self.issuer.find(subject)) is not None:
            return kept
        issued = self.issuer.issue(subject)
        audit.info(
            "user_certificate_issued",
            serial=issued.serial,
            subject=issued.subject,
            not_after=issued.not_after.isoformat(),
            jti=claims.get("jti"),
            issuer=claims.get("iss"),
            request_id=request_id,
        )
        return issued
