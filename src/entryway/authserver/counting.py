"""Which events of the audit trail are logins and tokens that the server counts; names and tenants stay on the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.authserver.trust.configuration import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from entryway.storage.audit import AuditEvent
    from entryway.telemetry.service_meters import ServiceMeters

OWN, SAML, OIDC = "own", "saml", "oidc"
_OF_TYPE = {Kind.SAML: SAML, Kind.OIDC: OIDC}
_OUTCOMES = {
    "UserAuthenticationSuccess": "succeeded",
    "UserAuthenticationFailure": "failed",
    "UserNotFound": "failed",
    "PrincipalAuthenticationFailure": "locked",
}
_REFUSED_BY = {"SAMLAuthenticationError": SAML, "OIDCAuthenticationError": OIDC}


def counting(meters: ServiceMeters | None) -> Callable[[AuditEvent], None] | None:
    """Return what counts an event, where anything is counted."""
    if meters is None:
        return None

    def count(event: AuditEvent) -> None:
        name = event.event
        if name == "AccessGranted":
            # Of the table of grants: no other is ever granted.
            meters.token(event.new["grant_type"])
        elif (outcome := _OUTCOMES.get(name)) is not None:
            meters.login(_OF_TYPE.get(event.new.get("type", Kind.INTERNAL), OWN), outcome)
        elif (origin := _REFUSED_BY.get(name)) is not None:
            meters.login(origin, "failed")

    return count
