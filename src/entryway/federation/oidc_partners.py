"""OpenID Connect providers, asked: what they publish, tokens for a code, and who the user is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from entryway.clients.http import call
from entryway.errors import UpstreamError
from entryway.federation.configuration import OidcConfig
from entryway.federation.errors import ProviderUnavailable
from entryway.oauth.client_assertions import TYPE as ASSERTION_TYPE
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from entryway.clients.http import Answer, HttpClient
    from entryway.clients.published_keys import PublishedKeys
    from entryway.oauth.client_assertions import Key

FRESH = timedelta(hours=1)
_MOST_REMEMBERED = 1000
_ASSERTION_LIFETIME = timedelta(minutes=2)
_WANTED = ("email", "given_name", "family_name")
_Https = Field(max_length=2000, pattern=r"^https://[^\s#@]+$")
# Who of ours a provider knows as its client: a tenant, or a whole service.
Owner = TypeVar("Owner")
Sign: TypeAlias = Callable[[Owner, Mapping[str, Any]], Awaitable[str]]


class Discovered(BaseModel):
    """The part of a provider's metadata document that we use."""

    issuer: str = Field(max_length=2000, pattern=r"^https://[^\s?#@]+$")
    authorization_endpoint: str = _Https
    token_endpoint: str = _Https
    jwks_uri: str = _Https
    userinfo_endpoint: str | None = Field(default=None, max_length=2000, pattern=r"^https://[^\s#@]+$")
    end_session_endpoint: str | None = Field(default=None, max_length=2000, pattern=r"^https://[^\s#@]+$")
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True, slots=True)
class _Remembered:
    document: Discovered
    at: datetime


@dataclass(frozen=True, slots=True)
class OidcPartners(Generic[Owner]):
    """Remembers what providers publish, and asks again after an hour; `sign` signs tokens with an owner's key."""

    http: HttpClient
    keys: PublishedKeys
    sign: Sign[Owner]
    clock: Callable[[], datetime]
    _documents: dict[str, _Remembered] = field(default_factory=dict)
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def discover(self, config: OidcConfig) -> Discovered:
        """Return what the provider publishes; raise ProviderUnavailable if it cannot be had, or is another's."""
        async with self._asking.setdefault(config.issuer, asyncio.Lock()):
            known, now = self._documents.get(config.issuer), self.clock()
            if known is not None and now - known.at < FRESH:
                return known.document
            document = await self._fetch(config.issuer)
            _check_issuer(config.issuer, document)
            self._documents[config.issuer] = _Remembered(document, now)
            while len(self._documents) > _MOST_REMEMBERED:
                oldest = next(iter(self._documents))
                del self._documents[oldest]
                self._asking.pop(oldest, None)
        return document

    async def refresh(self, config: OidcConfig) -> Discovered:
        """Return what the provider publishes now, which may name a new issuer.

        A new one is believed when it publishes the same about itself: the old one, reached over TLS, points there.
        """
        document = await self._fetch(config.issuer)
        if document.issuer != config.issuer:
            named, document = document.issuer, await self._fetch(document.issuer)
            _check_issuer(named, document)
        self._documents[document.issuer] = _Remembered(document, self.clock())
        return document

    async def keys_of(self, document: Discovered, kid: str | None) -> Sequence[tuple[str | None, Key]]:
        """Return the keys that the provider signs with, which should hold the one named `kid`."""
        return await self.keys.at(document.jwks_uri, kid)

    async def redeem(
        self, owner: Owner, config: OidcConfig, document: Discovered, *, code: str, redirect_uri: str, verifier: str
    ) -> Mapping[str, Any]:
        """Return the token response for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        answer = await self._ask_for_tokens(owner, config, document, form)
        if answer.status != 200:
            raise ProviderUnavailable(answer.origin, f"the token endpoint answered {answer.status}")
        return answer.json_object()

    async def log_on(
        self, owner: Owner, config: OidcConfig, document: Discovered, *, user_name: str, password: str
    ) -> Mapping[str, Any]:
        """Return the token response for a name and a password; raise BadCredentials if the provider refuses them."""
        form = {
            "grant_type": "password",
            "username": user_name,
            "password": password,
            "scope": " ".join(dict.fromkeys(("openid", *config.scopes))),
        }
        answer = await self._ask_for_tokens(owner, config, document, form)
        told = answer.json_object()
        if answer.status == 200:
            return told
        # RFC 6749 §5.2 has invalid_grant for a wrong password; UAA and its kin say unauthorized.
        if answer.status in {400, 401} and told.get("error") in {"invalid_grant", "unauthorized"}:
            raise BadCredentials(detail="the identity provider refused the password")
        reason = str(told.get("error", ""))[:100]
        raise ProviderUnavailable(answer.origin, f"the token endpoint answered {answer.status} {reason}")

    async def _ask_for_tokens(
        self, owner: Owner, config: OidcConfig, document: Discovered, form: dict[str, str]
    ) -> Answer:
        auth = None
        match config.token_endpoint_auth_method:
            case "client_secret_basic":
                # RFC 6749 §2.3.1: both are form-encoded before they are joined.
                auth = (quote(config.client_id, safe=""), quote(config.client_secret or "", safe=""))
            case "client_secret_post":
                form |= {"client_id": config.client_id, "client_secret": config.client_secret or ""}
            case "private_key_jwt":
                assertion = await self._client_assertion(owner, config, document)
                form |= {
                    "client_id": config.client_id,
                    "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": assertion,
                }
        return await call(
            self.http, "POST", document.token_endpoint, form=form, auth=auth, headers={"accept": "application/json"}
        )

    async def with_userinfo(
        self, document: Discovered, answer: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the claims with those that stand only in userinfo (OpenID Connect Core §5.4)."""
        access_token = answer.get("access_token")
        if all(name in claims for name in _WANTED) or not isinstance(access_token, str):
            return claims
        return {**await self._userinfo(document, access_token, claims["sub"]), **claims}

    async def _userinfo(self, document: Discovered, access_token: str, subject: str) -> Mapping[str, Any]:
        if document.userinfo_endpoint is None or not access_token.isascii() or not access_token.isprintable():
            return {}
        headers = {"accept": "application/json", "authorization": f"Bearer {access_token}"}
        answer = await call(self.http, "GET", document.userinfo_endpoint, headers=headers)
        claims = answer.json_object() if answer.status == 200 else {}
        # OpenID Connect Core §5.3.2: without the same subject it may be about somebody else.
        return claims if claims.get("sub") == subject else {}

    async def _fetch(self, issuer: str) -> Discovered:
        url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
        answer = await call(self.http, "GET", url, headers={"accept": "application/json"})
        try:
            return Discovered.model_validate(answer.json_object() if answer.status == 200 else {})
        except ValidationError as error:
            raise ProviderUnavailable(answer.origin, "its metadata document cannot be used") from error

    async def _client_assertion(self, owner: Owner, config: OidcConfig, document: Discovered) -> str:
        now = self.clock()
        claims = {
            "iss": config.client_id,
            "sub": config.client_id,
            "aud": document.token_endpoint,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now.timestamp()),
            "exp": int((now + _ASSERTION_LIFETIME).timestamp()),
        }
        return await self.sign(owner, claims)


def unavailable(error: UpstreamError) -> ProviderUnavailable:
    """Return a failed call in words that people on the login page understand."""
    return error if isinstance(error, ProviderUnavailable) else ProviderUnavailable(error.origin, error.detail)


def _check_issuer(issuer: str, document: Discovered) -> None:
    if document.issuer != issuer:
        # OpenID Connect Discovery §4.3: else one provider could speak for another.
        raise ProviderUnavailable(issuer, f"its metadata document is of the issuer {document.issuer!r}")
