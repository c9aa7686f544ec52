"""What an administrator says about an identity provider, checked: one model per protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from entryway.authserver.users import ORIGIN
from entryway.errors import BadRequest

_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}")
_ORIGIN_OIDC = re.compile(r"[A-Za-z0-9_.-]{1,36}")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}")
LONGEST_METADATA = 512 * 1024
_Short = Annotated[str, Field(max_length=2000)]
_Name = Annotated[str, Field(min_length=1, max_length=255)]


class Kind(StrEnum):
    """How an identity provider speaks; `internal` is the built-in one, which asks for a password itself."""

    SAML = "saml2.0"
    OIDC = "oidc1.0"
    INTERNAL = "internal"


class InvalidTrust(BadRequest):
    """The configuration of an identity provider cannot be used."""

    code = "trust_invalid"
    title = "The configuration of the identity provider is not valid"


class AttributeNames(BaseModel):
    """Which attributes or claims of the provider fill the fields of a user; None: the usual one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    user_name: _Name | None = None
    email: _Name | None = None
    given_name: _Name | None = None
    family_name: _Name | None = None
    groups: _Name | None = None


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    attributes: AttributeNames = AttributeNames()


class SamlConfig(_Config):
    """A SAML 2.0 identity provider: its metadata, and how strictly to believe it."""

    metadata: Annotated[str, Field(min_length=1, max_length=LONGEST_METADATA)]
    # PEM certificate that must have signed the metadata.
    metadata_certificate: str | None = None
    name_id_format: _Short = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
    request_binding: Literal["redirect", "post"] = "redirect"
    authn_contexts: tuple[_Short, ...] = ()
    # Whether the provider may begin: a response to no request of ours.
    idp_initiated: bool = False
    # SHA-1 can be forged by those who can afford it; only for providers that cannot do better.
    allow_sha1: bool = False
    longest_authentication_age: Annotated[int, Field(ge=60, le=31_536_000)] = 864_000
    logout: bool = True


class OidcConfig(_Config):
    """An OpenID Connect provider, known by its issuer and found by discovery."""

    issuer: Annotated[str, Field(max_length=2000, pattern=r"^https://[^\s?#@]+$")]
    client_id: _Name
    client_secret: str | None = Field(default=None, min_length=1, max_length=2000, repr=False)
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] = (
        "client_secret_basic"  # noqa: S105 - the name of a method
    )
    scopes: tuple[Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=200)], ...] = (
        "openid",
        "email",
        "profile",
    )
    # Further parameters of the authorization request, as some providers want them.
    additional_parameters: Mapping[_Name, _Short] = {}
    logout: bool = True

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


class InternalConfig(BaseModel):
    """The built-in provider has nothing to configure."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Config = SamlConfig | OidcConfig | InternalConfig
_MODELS: Mapping[Kind, type[SamlConfig | OidcConfig | InternalConfig]] = {
    Kind.SAML: SamlConfig,
    Kind.OIDC: OidcConfig,
    Kind.INTERNAL: InternalConfig,
}


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """An identity provider as an administrator describes it; `config` as in SamlConfig or OidcConfig.

    A `config` without `client_secret` keeps the one that is there.
    """

    origin: str
    type: Kind
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    active: bool = True
    # Whether the login page offers it; if not, only who names it by `idp` or `login_hint` gets there.
    available_for_logon: bool = True
    link_text: str = ""
    create_shadow_users: bool = True
    # Where passwords from clients and command lines are checked.
    default_for_noninteractive: bool = False
    # Where users log in when nobody says otherwise.
    is_default: bool = False
    email_domains: tuple[str, ...] = ()


def parse(kind: Kind, config: Mapping[str, Any]) -> Config:
    """Return a stored configuration, which has been checked before."""
    return _MODELS[kind].model_validate(dict(config))


def check(draft: ProviderDraft) -> Config:
    """Return the draft's configuration, or raise InvalidTrust with everything that is wrong."""
    wrong = []
    shape = _ORIGIN_OIDC if draft.type is Kind.OIDC else _ORIGIN
    if not shape.fullmatch(draft.origin):
        wrong.append("/origin: letters, digits and . _ - only, 36 of them for OpenID Connect")
    if (draft.type is Kind.INTERNAL) != (draft.origin == ORIGIN):
        wrong.append(f"/origin: {ORIGIN} is the built-in provider, and that alone")
    for field_name in ("name", "description", "link_text"):
        value = getattr(draft, field_name)
        if len(value) > 255 or not value.isprintable() or (field_name == "name" and not value.strip()):
            wrong.append(f"/{field_name}: printable text of at most 255 characters")
    wrong += [f"/email_domains: {domain!r} is no domain" for domain in draft.email_domains if not _is_domain(domain)]
    config: Config | None = None
    try:
        config = _MODELS[draft.type].model_validate(dict(draft.config))
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False, include_context=False):
            wrong.append(f"/config/{'/'.join(map(str, found['loc']))}: {found['msg']}")
    if wrong or config is None:
        raise InvalidTrust("; ".join(wrong))
    return config


def _is_domain(text: str) -> bool:
    return len(text) <= 253 and _DOMAIN.fullmatch(text.lower()) is not None
