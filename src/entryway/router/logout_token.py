"""Whether a logout token is to be believed: OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6, without the network.

What callers are told are texts of ours alone. `iat` and `jti` are judged where they are there: not every service that
is in use sends them, and `exp`, which must be there, bounds how long such a token is good.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from entryway.config.identity import IdentityCredentials
from entryway.errors import BadRequest
from entryway.router.user_token import read_audience
from entryway.security.errors import TokenInvalid
from entryway.security.jws import UnverifiedToken, take_apart

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LEEWAY = 60.0
OLDEST = 24 * 3600.0
MOST_USED = 100_000
REASONS = {"signature": "signature is invalid", "unknown_key": "signed with an unknown key"}


class LogoutTokenRefused(BadRequest):
    """The token is not one by which sessions may be ended; the text may be told to who sent it."""

    code: ClassVar[str] = "logout_token_refused"


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """What a token that may be believed says; its signature is still to be judged."""

    unverified: UnverifiedToken
    sid: str
    expires_at: float
    identity: str
    """Tells this token from every other."""


def read_logout_token(text: str | None, credentials: IdentityCredentials, now: float) -> LogoutToken:
    """Return what the token says, or raise LogoutTokenRefused."""
    if not text:
        raise LogoutTokenRefused("Logout token is missing")
    try:
        unverified = take_apart(text)
    except TokenInvalid as error:
        raise LogoutTokenRefused("Logout token is malformed") from error
    claims = unverified.claims
    _check_origin(claims, credentials)
    expires_at = _check_times(claims, now)
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        raise LogoutTokenRefused("Event claim is missing in logout token")
    if "nonce" in claims:
        # §2.4: so that no id token passes for a logout token.
        raise LogoutTokenRefused("Nonce is not allowed in logout token")
    sid = claims.get("sid")
    if not isinstance(sid, str) or not sid:
        raise LogoutTokenRefused("Session ID is missing in logout token")
    return LogoutToken(unverified, sid, expires_at, _identity(claims, text))


def refusal(error: TokenInvalid) -> LogoutTokenRefused:
    """Return why a token is refused whose signature does not hold."""
    return LogoutTokenRefused(REASONS.get(error.reason, "Logout token cannot be verified"))


class UsedLogoutTokens:
    """Remembers which tokens have been obeyed, for as long as they would be believed."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def first_use(self, token: LogoutToken, now: float) -> bool:
        """Take a token; tell whether it comes for the first time."""
        if self._until.get(token.identity, now) > now:
            return False
        if len(self._until) >= MOST_USED:
            current = {identity: until for identity, until in self._until.items() if until > now}
            self._until = OrderedDict(current)
            while len(self._until) >= MOST_USED:
                self._until.popitem(last=False)
        self._until[token.identity] = token.expires_at
        return True

    def forget(self, token: LogoutToken) -> None:
        """Let a token be obeyed again: it could not be obeyed now."""
        self._until.pop(token.identity, None)


def _check_origin(claims: Mapping[str, Any], credentials: IdentityCredentials) -> None:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise LogoutTokenRefused("Logout token is missing an issuer")
    if not credentials.trusts(issuer):
        raise LogoutTokenRefused("Issuer of the logout token is not trusted")
    if credentials.clientid not in read_audience(claims):
        raise LogoutTokenRefused("Logout token is for a different audience")


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    expires_at = _moment(claims, "exp")
    if expires_at is None:
        raise LogoutTokenRefused("Logout token has no usable 'exp' claim")
    if expires_at <= now:
        raise LogoutTokenRefused("Token is expired")
    issued_at = _moment(claims, "iat")
    if "iat" in claims and (issued_at is None or not now - OLDEST <= issued_at <= now + LEEWAY):
        raise LogoutTokenRefused("Logout token has no usable 'iat' claim")
    return expires_at


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < 1e12 else None


def _identity(claims: Mapping[str, Any], text: str) -> str:
    if "jti" not in claims:
        return hashlib.sha256(text.encode()).hexdigest()
    jti = claims["jti"]
    if not isinstance(jti, str) or not jti:
        raise LogoutTokenRefused("Logout token has no usable 'jti' claim")
    return hashlib.sha256(f"{claims['iss']} {jti}".encode()).hexdigest()
