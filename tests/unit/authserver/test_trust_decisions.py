"""Which provider, which identity, which token: decided without a server."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from entryway.authserver.trust.configuration import InternalConfig, Kind, ProviderDraft, check
from entryway.authserver.trust.providers import IdentityProvider
from entryway.authserver.trust.selection import choose
from entryway.federation import identity, oidc_tokens
from entryway.federation.configuration import AttributeNames, OidcConfig
from entryway.federation.errors import InvalidTrust
from entryway.federation.oidc_tokens import ExpectedToken, TokenInvalid
from entryway.saml import names
from entryway.saml.assertion import Assertion
from entryway.saml.errors import SamlInvalid
from entryway.saml.subjects import NameId

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def provider(origin: str, **changes: Any) -> IdentityProvider:
    draft = replace(ProviderDraft(origin, Kind.SAML, origin.title()), **changes)
    return IdentityProvider("z", origin, draft, InternalConfig(), None, None)


OWN, A, B = provider("entryway"), provider("a"), provider("b", email_domains=("b.example",))
HIDDEN, OFF, DEFAULT = (
    provider("h", available_for_logon=False),
    provider("o", active=False),
    provider("d", is_default=True),
)


@pytest.mark.parametrize(
    ("providers", "allowed", "hinted", "login_name", "origin"),
    [
        ([OWN], None, None, None, "entryway"),
        ([OWN, A], None, None, None, None),
        ([OWN, A], None, "a", None, "a"),
        ([OWN, HIDDEN], None, None, None, "entryway"),
        ([OWN, HIDDEN], None, "h", None, "h"),
        ([OWN, A, OFF], None, "o", None, None),
        ([OWN, A], None, "unheard-of", None, None),
        ([OWN, A], {"a"}, None, None, "a"),
        ([OWN, A], {"entryway"}, "a", None, "entryway"),
        ([OWN, A], {"b"}, None, None, None),
        ([OWN, A, DEFAULT], None, None, None, "d"),
        ([OWN, A, DEFAULT], None, "a", None, "a"),
        ([OWN, A, B], None, None, "maria@B.example", "b"),
        ([OWN, A, B], None, None, "maria@c.example", None),
        ([OWN, A, B], None, None, "maria", None),
        ([OWN, B, provider("c", email_domains=("b.example",))], None, None, "maria@b.example", None),
        ([OWN, B, DEFAULT], None, None, "maria@b.example", "d"),
    ],
)
def test_the_order_of_choice(
    providers: list[IdentityProvider],
    allowed: set[str] | None,
    hinted: str | None,
    login_name: str | None,
    origin: str | None,
) -> None:
    choice = choose(providers, allowed=allowed, hinted=hinted, login_name=login_name)

    assert choice.origin == origin
    assert HIDDEN not in choice.offered
    assert OFF not in choice.offered


ASSERTION = Assertion(
    id="_a",
    issuer="i",
    name_id=NameId("maria@x.example", names.EMAIL),
    authenticated_at=NOW,
    session_index="s",
    session_ends_at=None,
    authn_context=None,
    expires_at=NOW,
    attributes={
        "mail": ("m@x.example",),
        "first_name": ("Maria",),
        "last_name": ("Muster",),
        "Groups": ("b", "a", "b", ""),
        "groups": ("not these",),
        "cn": ("mm",),
    },
)


def test_an_assertion_in_the_usual_names_and_in_others() -> None:
    usual = identity.of_assertion(ASSERTION, AttributeNames())
    assert (usual.user_name, usual.email, usual.given_name, usual.family_name) == (
        "maria@x.example",
        "m@x.example",
        "Maria",
        "Muster",
    )
    assert usual.groups == ("b", "a")
    assert usual.attributes["cn"] == ("mm",)
    other = identity.of_assertion(ASSERTION, AttributeNames(user_name="cn", groups="groups"))
    assert (other.user_name, other.groups) == ("mm", ("not these",))
    bare = identity.of_assertion(replace(ASSERTION, attributes={}), AttributeNames())
    assert (bare.email, bare.groups) == ("maria@x.example", ())
    with pytest.raises(SamlInvalid, match="no name"):
        identity.of_assertion(ASSERTION, AttributeNames(user_name="absent"))


def test_claims_become_attributes_of_the_user_but_those_of_the_token_do_not() -> None:
    claims = {
        "sub": "u1",
        "aud": "c",
        "exp": 1,
        "email": "m@x",
        "groups": ["a", "b"],
        "level": 3,
        "boss": True,
        "o": {},
    }

    who = identity.of_claims({**claims, "email_verified": False}, AttributeNames(), NOW)

    assert (who.user_name, who.email, who.groups, who.email_verified) == ("u1", "m@x", ("a", "b"), False)
    assert who.attributes["level"] == ("3",)
    assert who.attributes["boss"] == ("true",)
    assert {"aud", "exp", "o"}.isdisjoint(who.attributes)


EXPECTED = ExpectedToken("https://idp.example", "client", "nonce")
CLAIMS = {
    "iss": "https://idp.example",
    "aud": "client",
    "sub": "u1",
    "nonce": "nonce",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
}


@cache
def rsa(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


def signed(key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:

    content = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    protected = {"alg": "RS256", "kid": "k", **(header or {})}
    algorithms = [protected["alg"]]
    token: str = jws.serialize_compact(protected, json.dumps(content), key or rsa("k"), algorithms=algorithms)
    return token


def verify(token: str, expected: ExpectedToken = EXPECTED) -> Any:
    public = RSAKey.import_key(rsa("k").as_dict(private=False))
    return oidc_tokens.verify(token, [("k", public)], expected, NOW)


def test_a_token_that_holds() -> None:
    assert verify(signed())["sub"] == "u1"
    assert verify(signed(aud=["client", "other"], azp="client"))
    assert oidc_tokens.authenticated_at(verify(signed(auth_time=CLAIMS["iat"] - 60)), NOW) == NOW - timedelta(minutes=1)
    assert verify(signed(nonce=None), replace(EXPECTED, nonce=None))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other.example"}, "another issuer"),
        ({"aud": "other"}, "another client"),
        ({"aud": None}, "another client"),
        ({"aud": ["client", "other"]}, "another client"),
        ({"azp": "other"}, "another client"),
        ({"exp": CLAIMS["iat"] - 60}, "expired"),
        ({"exp": None}, "no exp"),
        ({"exp": True}, "no exp"),
        ({"exp": 1e300}, "no moment"),
        ({"iat": CLAIMS["iat"] + 61}, "future"),
        ({"nbf": CLAIMS["iat"] + 61}, "future"),
        ({"sub": ""}, "no user"),
        ({"sub": None}, "no user"),
        ({"nonce": "other"}, "another login"),
        ({"nonce": None}, "another login"),
        ({"nonce": 7}, "another login"),
    ],
)
def test_a_token_that_breaks_a_rule_is_refused(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenInvalid, match=reason):
        verify(signed(**claims))


def test_only_the_providers_asymmetric_keys_count() -> None:
    with pytest.raises(TokenInvalid, match="no key of the provider"):
        verify(signed(rsa("other")))
    with pytest.raises(TokenInvalid, match="no key of the provider"):
        verify(signed(header={"kid": "unknown"}))
    # The public key as a secret: what a verifier falls for that takes the algorithm from the token.
    head, body, _ = signed().split(".")
    confused = f"eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.{body}"
    mac = hmac.digest(rsa("k").as_pem(private=False), confused.encode(), "sha256")
    with pytest.raises(TokenInvalid):
        verify(f"{confused}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")
    with pytest.raises(TokenInvalid):
        verify(f"eyJhbGciOiJub25lIn0.{body}.")
    for nonsense in ("", "x", f"{head}.{body}", "a.b.c", "é.é.é", "x" * 70_000):
        with pytest.raises(TokenInvalid):
            verify(nonsense)


@pytest.mark.parametrize(
    "draft",
    [
        ProviderDraft("", Kind.OIDC, "x", {"issuer": "https://i.example", "client_id": "c"}),
        ProviderDraft("x" * 37, Kind.OIDC, "x", {"issuer": "https://i.example", "client_id": "c"}),
        ProviderDraft("a b", Kind.SAML, "x", {"metadata": "m"}),
        ProviderDraft("entryway", Kind.SAML, "x", {"metadata": "m"}),
        ProviderDraft("other", Kind.INTERNAL, "x"),
        ProviderDraft("a", Kind.SAML, " ", {"metadata": "m"}),
        ProviderDraft("a", Kind.SAML, "x", {"metadata": "m"}, link_text="a\nb"),
        ProviderDraft("a", Kind.SAML, "x", {"metadata": "m"}, email_domains=("no domain",)),
        ProviderDraft("a", Kind.SAML, "x", {"metadata": "m", "longest_authentication_age": 1}),
    ],
)
def test_a_draft_that_breaks_a_rule_is_refused(draft: ProviderDraft) -> None:
    with pytest.raises(InvalidTrust):
        check(draft)


@pytest.mark.parametrize("scopes", ["openid groups", " openid  groups ", ["openid", "groups"]])
def test_scopes_of_a_provider_are_a_list_or_one_text(scopes: Any) -> None:
    config = OidcConfig.model_validate({"issuer": "https://idp.example", "client_id": "c", "scopes": scopes})
    assert config.scopes == ("openid", "groups")


@pytest.mark.parametrize("scopes", ['openid "groups"', ["openid groups"], [5], 5, None])
def test_what_is_no_scope_of_a_provider(scopes: Any) -> None:
    with pytest.raises(ValidationError):
        OidcConfig.model_validate({"issuer": "https://idp.example", "client_id": "c", "scopes": scopes})
