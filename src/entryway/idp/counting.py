"""Which events of the audit trail are logins that the identity provider counts; names stay on the trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.idp.users.authentication import LOCKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from entryway.storage.audit import AuditEvent
    from entryway.telemetry.service_meters import ServiceMeters

_LOGINS = {
    "PasswordAccepted": ("own", "succeeded"),
    "PasswordRefused": ("own", "failed"),
    "PasskeyAccepted": ("passkey", "succeeded"),
    "PasskeyFailed": ("passkey", "failed"),
    "SecondFactorFailed": ("second_factor", "failed"),
}
_BY_PROVIDER = {"ProviderLogin": "succeeded", "ProviderLoginRefused": "failed"}


def counting(meters: ServiceMeters | None) -> Callable[[AuditEvent], None] | None:
    """Return what counts an event, where anything is counted."""
    if meters is None:
        return None

    def count(event: AuditEvent) -> None:
        if (found := _LOGINS.get(event.event)) is not None:
            origin, outcome = found
            meters.login(origin, "locked" if event.new.get("reason") == LOCKED else outcome)
        elif (at_provider := _BY_PROVIDER.get(event.event)) is not None:
            meters.login(event.new["protocol"], at_provider)

    return count
