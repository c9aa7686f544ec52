"""What may be set for an application; stored as one document."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from entryway.config import redirect_patterns
from entryway.config.redirect_patterns import RedirectPattern
from entryway.idp.corporate.choice import LoginRules
from entryway.oauth import client_assertions, redirects
from entryway.saml.issuing import Signed

GrantType = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "password",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
]
Right = Literal["scim", "admin"]
CLAIM = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_SOURCE = re.compile(
    r"user_id|user_name|email|given_name|family_name|display_name|groups|attribute:[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
)
# What the identity provider says itself; a mapping must not speak in its name.
RESERVED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "sid", "scope", "nonce", "at_hash", "auth_time", "amr"}
    | {"acr", "cnf", "user_uuid", "scim_id", "app_tid", "zone_uuid", "azp_app_tid", "sap_id_type", "ias_apis", "events"}
    | {"email_verified", "ias_iss", "zid", "cid", "client_id"}
)


def _redirect_pattern(text: str) -> str:
    pattern = redirect_patterns.parse(text)
    if pattern is None or redirect_patterns.matches_any_host(pattern):
        raise ValueError("must be an address whose host is not only wildcards")
    return text


def _address(text: str) -> str:
    target = redirects.parse(text)
    if target is None or target.scheme not in {"http", "https"}:
        raise ValueError("must be an http(s) address without a fragment")
    return text


def _source(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise ValueError(
            "must be user_id, user_name, email, given_name, family_name, display_name, groups or attribute:x"
        )
    return text


def _subject(text: str) -> str:
    if _source(text) == "groups":
        raise ValueError("a subject is one value")
    return text


RedirectUri = Annotated[str, Field(max_length=1000), AfterValidator(_redirect_pattern)]


class Dependency(BaseModel):
    """An application whose interfaces this one may call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    apis: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]], Field(default_factory=list, max_length=50)
    ]


class FactorRule(BaseModel):
    """For whom a second factor is needed; without groups, for everybody. The first rule that fits decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: Annotated[list[str], Field(default_factory=list, max_length=100)]
    second_factor: Literal["off", "enrolled", "required"]


class ApplicationSettings(BaseModel):
    """The defaults suit a web application with a server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    redirect_uris: Annotated[list[RedirectUri], Field(default_factory=list, max_length=100)]
    post_logout_redirect_uris: Annotated[list[RedirectUri], Field(default_factory=list, max_length=100)]
    back_channel_logout_uri: Annotated[str, AfterValidator(_address)] | None = None
    grant_types: Annotated[
        list[GrantType],
        Field(
            default_factory=lambda: [
                "authorization_code",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ]
        ),
    ]
    public: bool = False
    tenants: Annotated[list[Annotated[str, Field(max_length=255)]], Field(default_factory=list, max_length=10_000)]
    subject: Annotated[str, AfterValidator(_subject)] = "email"
    claims: Annotated[dict[str, Annotated[str, AfterValidator(_source)]], Field(default_factory=dict, max_length=50)]
    access_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600
    refresh_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = 43_200
    dependencies: Annotated[dict[str, Dependency], Field(default_factory=dict, max_length=50)]
    factor_rules: Annotated[list[FactorRule], Field(default_factory=list, max_length=50)]
    saml_metadata: Annotated[str, Field(max_length=200_000)] | None = None
    saml_metadata_url: Annotated[str, Field(max_length=1000, pattern=r"^https://[^\s#@]+$")] | None = None
    """Where the service provider publishes it: fetched when this is said, and every day."""
    saml_signed: Signed = "both"
    """What of a response is signed; the assertion always where the metadata wants that."""
    saml_encrypt: bool = False
    logins: LoginRules | None = None
    """Where its users log in; as for all applications where nothing is said."""
    jwks: Annotated[list[dict[str, Any]], Field(default_factory=list, max_length=20)]
    """Public keys with which it signs who it is (`private_key_jwt`), as JWKs."""
    jwks_uri: Annotated[str, Field(max_length=1000, pattern=r"^https://[^\s#@]+$")] | None = None
    """Where it publishes them."""
    rights: Annotated[list[Right], Field(default_factory=list)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        wrong = sorted(name for name in self.claims if name in RESERVED_CLAIMS or not CLAIM.fullmatch(name))
        if wrong:
            raise ValueError(f"claims that cannot be mapped: {', '.join(wrong)}")
        if self.public and ("client_credentials" in self.grant_types or self.rights):
            raise ValueError("a public client has no secret: no client_credentials and no rights")
        if len(client_assertions.keys_of(self.jwks)) != len(self.jwks):
            raise ValueError("jwks must be public keys that sign: RSA of 2048 bits or more, or elliptic curves")
        if self.public and (self.jwks or self.jwks_uri):
            raise ValueError("a public client proves nothing: no jwks and no jwks_uri")
        return self

    @property
    def redirect_patterns(self) -> list[RedirectPattern]:
        return _patterns(self.redirect_uris)

    @property
    def post_logout_patterns(self) -> list[RedirectPattern]:
        """Where a browser may go after a logout; the redirect addresses where nothing else is said."""
        return _patterns(self.post_logout_redirect_uris or self.redirect_uris)


def _patterns(texts: list[str]) -> list[RedirectPattern]:
    return [pattern for text in texts if (pattern := redirect_patterns.parse(text)) is not None]
