"""How an identity provider is reached and believed, as an administrator says it: one model per protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

LONGEST_METADATA = 512 * 1024
Short = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class AttributeNames(BaseModel):
    """Which attributes or claims of the provider fill the fields of a user; None: the usual one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    user_name: Name | None = None
    email: Name | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    groups: Name | None = None


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    attributes: AttributeNames = AttributeNames()


class SamlConfig(_Config):
    """A SAML 2.0 identity provider: its metadata, and how strictly to believe it."""

    metadata: Annotated[str, Field(min_length=1, max_length=LONGEST_METADATA)]
    # PEM certificate that must have signed the metadata.
    metadata_certificate: str | None = None
    name_id_format: Short = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
    request_binding: Literal["redirect", "post"] = "redirect"
    authn_contexts: tuple[Short, ...] = ()
    # Whether the provider may begin: a response to no request of ours.
    idp_initiated: bool = False
    # SHA-1 can be forged by those who can afford it; only for providers that cannot do better.
    allow_sha1: bool = False
    longest_authentication_age: Annotated[int, Field(ge=60, le=31_536_000)] = 864_000
    logout: bool = True


class OidcConfig(_Config):
    """An OpenID Connect provider, known by its issuer and found by discovery."""

    issuer: Annotated[str, Field(max_length=2000, pattern=r"^https://[^\s?#@]+$")]
    client_id: Name
    client_secret: str | None = Field(default=None, min_length=1, max_length=2000, repr=False)
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] = (
        "client_secret_basic"  # noqa: S105 - the name of a method
    )
    scopes: tuple[Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=200)], ...] = (
        "openid",
        "email",
        "profile",
    )
    # Other clients of the provider: tokens for them may be exchanged here, too, beside those for `client_id`.
    token_audiences: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    # Further parameters of the authorization request, as some providers want them.
    additional_parameters: Mapping[Name, Short] = {}
    logout: bool = True

    @field_validator("scopes", mode="before")
    @classmethod
    def _also_in_one_text(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("additional_parameters")
    @classmethod
    def _nothing_of_ours(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        ours = _OWN_PARAMETERS & value.keys()
        if ours:
            raise ValueError(f"{', '.join(sorted(ours))} cannot be replaced")
        return dict(value)


_OWN_PARAMETERS = frozenset(
    {
        "response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "request", "request_uri",
    }
)  # fmt: skip
