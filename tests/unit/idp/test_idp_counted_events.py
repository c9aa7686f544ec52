"""Which events of the identity provider's trail count as logins, and as what."""

from __future__ import annotations

import pytest

from entryway.idp.counting import counting
from entryway.idp.users.authentication import LOCKED
from entryway.storage.audit import happened
from entryway.telemetry.service_meters import ServiceMeters


@pytest.mark.parametrize(
    ("event", "told", "counted"),
    [
        ("PasswordAccepted", {}, ("own", "succeeded")),
        ("PasswordRefused", {"reason": "wrong password"}, ("own", "failed")),
        ("PasswordRefused", {"reason": LOCKED}, ("own", "locked")),
        ("PasskeyAccepted", {}, ("passkey", "succeeded")),
        ("PasskeyFailed", {}, ("passkey", "failed")),
        ("SecondFactorFailed", {}, ("second_factor", "failed")),
        ("ProviderLogin", {"provider": "acme", "protocol": "saml"}, ("saml", "succeeded")),
        ("ProviderLoginRefused", {"provider": "acme", "protocol": "oidc", "reason": LOCKED}, ("oidc", "failed")),
        ("PasswordChanged", {}, None),
    ],
)
def test_a_login_is_counted_by_origin_and_outcome(
    event: str, told: dict[str, str], counted: tuple[str, str] | None
) -> None:
    meters = ServiceMeters("idp")
    count = counting(meters)
    assert count is not None
    count(happened(event, "idp", "user", "a-user", actor="a-user", new=told))
    assert dict(meters.logins) == ({counted: 1} if counted else {})
