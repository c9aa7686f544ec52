"""From the identity service's token to what requests need to know of a user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entryway.clients.tokens import TokenSet
from entryway.config.identity import IdentityCredentials
from entryway.router.authority import IAS
from entryway.router.errors import TokenInvalid
from entryway.router.sessions import Login
from entryway.router.user_token import parse_claims, read_audience, read_expiry, refresh_moment

CORPORATE_CLAIM = "forward_corp_idp_token"
"""The claim that names which token of the company's identity provider may be had for this one."""
CORPORATE_KINDS = ("access_token", "id_token")
# What tokens say about themselves, or about the user a second time: the user API has its own words for names.
_OF_THE_TOKEN = frozenset(
    {"iss", "ias_iss", "aud", "azp", "exp", "iat", "nbf", "auth_time", "jti", "sid", "nonce", "at_hash", "cnf", "scope"}
    | {"acr", "amr", "app_tid", "zone_uuid", "ias_apis", "sub", "scim_id", "mail"}
    | {"given_name", "family_name", "first_name", "last_name"}
)


def read_ias_login(
    tokens: TokenSet, now: float, credentials: IdentityCredentials, refresh_ahead: float | None
) -> Login:
    """Return the user that the tokens are for; a token for another client, tenant or from elsewhere is refused.

    As with the authorization server's, it came from the token endpoint over our own connection, so that its signature
    is not looked at.
    """
    claims = parse_claims(tokens.access_token)
    if credentials.clientid not in (*read_audience(claims), claims.get("azp")):
        raise TokenInvalid("the token is for another client")
    tenant = tenant_of(claims)
    if credentials.tenant and tenant not in ("", credentials.tenant):
        raise TokenInvalid(f"the token is of the tenant {tenant!r}")
    issuer = issuer_of(claims)
    if issuer is not None and not credentials.trusts(issuer):
        raise TokenInvalid(f"the token was issued by {issuer!r}")
    expires_at = read_expiry(claims, tokens, now)
    user = _text(claims, "user_uuid", "sub")
    return Login(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=expires_at,
        refresh_at=refresh_moment(tokens, expires_at, refresh_ahead, now),
        authorization=f"Bearer {tokens.access_token}".encode("latin-1"),
        scopes=frozenset(),
        claims={
            "given_name": _text(claims, "given_name", "first_name"),
            "family_name": _text(claims, "family_name", "last_name"),
            "email": _text(claims, "email", "mail"),
            "user_uuid": user,
            "sub": _text(claims, "sub"),
            "zid": tenant or None,
            "scope": [],
        }
        | ({CORPORATE_CLAIM: corporate} if (corporate := _text(claims, CORPORATE_CLAIM)) in CORPORATE_KINDS else {}),
        user=user,
        authority=IAS,
        sid=_session_id(claims, tokens),
    )


def issuer_of(claims: Mapping[str, Any]) -> str | None:
    """Return who says to have issued a token; None if it does not say."""
    issuer = claims.get("ias_iss") or claims.get("iss")
    return None if issuer is None else str(issuer)


def tenant_of(claims: Mapping[str, Any]) -> str:
    """Return the id of the tenant that a token says to be of; empty if it does not say."""
    return _text(claims, "app_tid", "zone_uuid")


def credentials_for(own: IdentityCredentials, claims: Mapping[str, Any]) -> IdentityCredentials:
    """Return the client at the identity service that issued a token, which is that of the token's tenant."""
    issuer, tenant = issuer_of(claims), tenant_of(claims)
    return own if issuer is None or tenant in ("", own.tenant) else own.at_tenant(tenant, issuer)


def read_attributes(access_token: str) -> dict[str, Any]:
    """Return what the token says about the user."""
    return {name: value for name, value in parse_claims(access_token).items() if name not in _OF_THE_TOKEN}


def _session_id(claims: Mapping[str, Any], tokens: TokenSet) -> str | None:
    """Return the service's name of its own session, by which it announces that it has ended."""
    sid = _text(claims, "sid")
    if not sid and tokens.id_token is not None:
        sid = _text(parse_claims(tokens.id_token), "sid")
    return sid or None


def _text(claims: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := claims.get(name), str) and value), "")
