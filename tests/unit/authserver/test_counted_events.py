"""Which events of the audit trail count as logins, and as what."""

from __future__ import annotations

from typing import Any

import pytest

from entryway.authserver.counting import counting
from entryway.authserver.trust.configuration import Kind
from entryway.storage.audit import changed, happened
from entryway.telemetry.service_meters import ServiceMeters


@pytest.mark.parametrize(
    ("event", "told", "counted"),
    [
        ("UserAuthenticationSuccess", {}, ("own", "succeeded")),
        ("UserAuthenticationSuccess", {"type": Kind.SAML}, ("saml", "succeeded")),
        ("UserAuthenticationSuccess", {"type": Kind.OIDC}, ("oidc", "succeeded")),
        ("UserAuthenticationFailure", {}, ("own", "failed")),
        ("UserAuthenticationFailure", {"type": Kind.OIDC}, ("oidc", "failed")),
        ("UserNotFound", {}, ("own", "failed")),
        ("PrincipalAuthenticationFailure", {}, ("own", "locked")),
        ("SAMLAuthenticationError", {"reason": "x"}, ("saml", "failed")),
        ("OIDCAuthenticationError", {"reason": "x"}, ("oidc", "failed")),
    ],
)
def test_a_login_is_counted_by_origin_and_outcome(event: str, told: dict[str, Any], counted: tuple[str, str]) -> None:
    meters = ServiceMeters("authserver")
    count = counting(meters)
    assert count is not None
    count(happened(event, "a-tenant", "User", "a-user", actor="a-name", new=told))
    assert dict(meters.logins) == {counted: 1}


def test_what_is_no_login_is_not_counted_as_one() -> None:
    meters = ServiceMeters("authserver")
    count = counting(meters)
    assert count is not None
    count(happened("ClientAuthenticationFailure", "a-tenant", "Client", "c"))
    count(changed("UPDATE", "a-tenant", "xsrole", "r", new={"type": Kind.SAML}))
    assert not meters.logins
    assert not meters.tokens


def test_where_nothing_is_counted_nobody_looks() -> None:
    assert counting(None) is None
