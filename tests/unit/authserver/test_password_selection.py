from __future__ import annotations

from datetime import UTC, datetime

import pytest

from entryway.authserver.trust.configuration import InternalConfig, Kind, OidcTrust, ProviderDraft, SamlTrust
from entryway.authserver.trust.providers import IdentityProvider
from entryway.authserver.trust.selection import choose_for_password
from entryway.oauth.errors import BadCredentials

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def provider(origin: str, kind: Kind = Kind.OIDC, *, passwords: bool = True, **draft: bool) -> IdentityProvider:
    configs = {
        Kind.OIDC: OidcTrust(issuer="https://idp.example", client_id="x", password_grant_enabled=passwords),
        Kind.SAML: SamlTrust(metadata="<x/>"),
        Kind.INTERNAL: InternalConfig(),
    }
    return IdentityProvider("z", origin, ProviderDraft(origin, kind, origin, **draft), configs[kind], NOW, NOW)  # type: ignore[arg-type]


OWN = provider("entryway", Kind.INTERNAL)
COMPANY, OTHER = provider("company"), provider("other")
SAML, SHUT = provider("saml", Kind.SAML), provider("shut", passwords=False)
DEFAULT = provider("default", default_for_noninteractive=True)
OFF = provider("entryway", Kind.INTERNAL, active=False)


@pytest.mark.parametrize(
    ("providers", "allowed", "hinted", "chosen"),
    [
        ([OWN, COMPANY], None, None, "entryway"),
        ([OWN, COMPANY], None, "company", "company"),
        ([OWN, COMPANY, DEFAULT], None, None, "default"),
        ([OWN, COMPANY, DEFAULT], None, "entryway", "entryway"),
        ([OWN, COMPANY, DEFAULT], {"company"}, None, "company"),
        ([OWN, COMPANY], {"company", "saml"}, None, "company"),
        ([OFF, COMPANY, SAML, SHUT], None, None, "company"),
    ],
)
def test_who_decides_on_a_password(
    providers: list[IdentityProvider], allowed: set[str] | None, hinted: str | None, chosen: str
) -> None:
    assert choose_for_password(providers, allowed=allowed, hinted=hinted).origin == chosen


@pytest.mark.parametrize(
    ("providers", "allowed", "hinted", "told"),
    [
        ([OWN, SAML], None, "saml", "supports password grant."),
        ([OWN, SHUT], None, "shut", "supports password grant."),
        ([OWN], None, "", "supports password grant."),
        ([OFF], None, "entryway", "supports password grant."),
        ([OWN, COMPANY], {"entryway"}, "company", "Client is not authorized for specified user's identity provider."),
        ([OWN, COMPANY], {"entryway", "company"}, None, "could not determine which identity provider to use."),
        ([OFF, COMPANY, OTHER], None, None, "could not determine which identity provider to use."),
        ([OFF, SAML], None, None, "Bad credentials"),
        ([OWN, COMPANY], {"saml"}, None, "Client is not authorized for specified user's identity provider."),
    ],
)
def test_when_nobody_can_decide_on_a_password(
    providers: list[IdentityProvider], allowed: set[str] | None, hinted: str | None, told: str
) -> None:
    with pytest.raises(BadCredentials) as refused:
        choose_for_password(providers, allowed=allowed, hinted=hinted)

    assert refused.value.description.endswith(told)
