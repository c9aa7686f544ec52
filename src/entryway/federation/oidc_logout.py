"""Logouts that an OpenID Connect provider tells of (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from entryway.federation import oidc_tokens
from entryway.federation.configuration import OidcConfig
from entryway.federation.errors import LogoutRefused, ProviderDisabled
from entryway.federation.oidc_tokens import ExpectedToken, TokenInvalid

if TYPE_CHECKING:
    from entryway.federation.oidc_partners import OidcPartners, Owner

EVENT = "http://schemas.openid.net/event/backchannel-logout"
PATH = "/logout/backchannel"
FIELD = "logout_token"
_LONGEST_NAME = 1024


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Whose logins end: those of a session, or without one all of a user."""

    subject: str | None
    session_id: str | None
    token_id: str
    expires_at: datetime


async def logged_out(
    partners: OidcPartners[Owner], config: object, form: Mapping[str, str], now: datetime, *, active: bool
) -> LoggedOut:
    """Return what a provider tells of; raise LogoutRefused if it is not to be believed."""
    if not active:
        raise ProviderDisabled("the provider is switched off")
    if not isinstance(config, OidcConfig):
        raise LogoutRefused("the provider does not speak OpenID Connect")
    token = form.get(FIELD, "")
    try:
        kid = oidc_tokens.key_id(token)
        keys = await partners.keys_of(await partners.discover(config), kid)
        expected = ExpectedToken(config.issuer, config.client_id, None)
        return read(oidc_tokens.believed(token, keys, expected, now))
    except TokenInvalid as error:
        raise LogoutRefused(error.detail) from error


def read(claims: Mapping[str, Any]) -> LoggedOut:
    """Return what the claims of a token say that a provider has signed for us (§2.6)."""
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        raise TokenInvalid("the token tells of no logout")
    if "nonce" in claims:
        # §2.4: so that no id_token passes for a logout token.
        raise TokenInvalid("the token has a nonce")
    subject, session_id = _name(claims, "sub"), _name(claims, "sid")
    if subject is None and session_id is None:
        raise TokenInvalid("the token names neither a user nor a session")
    token_id = _name(claims, "jti")
    if token_id is None:
        raise TokenInvalid("the token has no jti")
    return LoggedOut(subject, session_id, token_id, oidc_tokens.moment(claims, "exp"))


def _name(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > _LONGEST_NAME:
        raise TokenInvalid(f"the token's {name} is none")
    return value
