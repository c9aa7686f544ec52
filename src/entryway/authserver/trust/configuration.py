"""What an administrator says about an identity provider, checked: one model per protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from entryway.authserver.users import ORIGIN
from entryway.federation.configuration import OidcConfig, SamlConfig
from entryway.federation.errors import InvalidTrust

_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}")
_ORIGIN_OIDC = re.compile(r"[A-Za-z0-9_.-]{1,36}")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}")


class Kind(StrEnum):
    """How an identity provider speaks; `internal` is the built-in one, which asks for a password itself."""

    SAML = "saml2.0"
    OIDC = "oidc1.0"
    INTERNAL = "internal"


class SamlTrust(SamlConfig):
    """A SAML identity provider, and what a tenant wants of it."""

    # Where the metadata comes from, then and every day; empty: it was pasted.
    metadata_url: Annotated[str, Field(max_length=2000, pattern=r"^(https://[^\s#@]+)?$")] = ""
    # Whether a login that may ask the user nothing (`prompt=none`) goes on to the provider.
    silent_logins: bool = False


class OidcTrust(OidcConfig):
    """An OpenID Connect provider, and what a tenant wants of it."""

    # Whether passwords that clients bring are handed to the provider's token endpoint (RFC 6749 §4.3).
    password_grant_enabled: bool = False
    silent_logins: bool = False


class InternalConfig(BaseModel):
    """The built-in provider has nothing to configure."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Config = SamlTrust | OidcTrust | InternalConfig
_MODELS: Mapping[Kind, type[SamlTrust | OidcTrust | InternalConfig]] = {
    Kind.SAML: SamlTrust,
    Kind.OIDC: OidcTrust,
    Kind.INTERNAL: InternalConfig,
}


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """An identity provider as an administrator describes it; `config` as in SamlTrust or OidcTrust.

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
    if draft.default_for_noninteractive and not takes_passwords(config):
        raise InvalidTrust(
            "/default_for_noninteractive: passwords of clients are taken by the built-in provider, "
            "and by one of OpenID Connect with password_grant_enabled"
        )
    return config


def takes_passwords(config: Config) -> bool:
    """Say whether a client may log users in by bringing their passwords."""
    return isinstance(config, InternalConfig) or (isinstance(config, OidcTrust) and config.password_grant_enabled)


def fits_oidc(origin: str) -> bool:
    """Say whether an origin key can be one of an OpenID Connect provider."""
    return _ORIGIN_OIDC.fullmatch(origin) is not None


def _is_domain(text: str) -> bool:
    return len(text) <= 253 and _DOMAIN.fullmatch(text.lower()) is not None
