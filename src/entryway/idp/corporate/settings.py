"""What an administrator says about a company's identity provider; stored as one document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from entryway.federation.configuration import OidcConfig, SamlConfig

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,35}")
# How logins here are named where a provider could be; nobody else's name.
OWN = "entryway"
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_CONFIGS: Mapping[str, TypeAdapter[SamlConfig] | TypeAdapter[OidcConfig]] = {
    "saml2.0": TypeAdapter(SamlConfig),
    "oidc1.0": TypeAdapter(OidcConfig),
}


def _domain(text: str) -> str:
    if len(text) > 253 or not _DOMAIN.fullmatch(text.lower()):
        raise ValueError("must be a domain")
    return text.lower()


def _attribute(text: str) -> str:
    if not _ATTRIBUTE.fullmatch(text):
        raise ValueError("must be letters, digits, dots, hyphens and underscores")
    return text


Domain = Annotated[str, AfterValidator(_domain)]
_Text = Annotated[str, Field(min_length=1, max_length=255)]


class ProviderSettings(BaseModel):
    """The defaults take in whom the provider vouches for, and tell applications what it says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["saml2.0", "oidc1.0"]
    name: _Text
    config: dict[str, Any]
    active: bool = True
    offered: bool = True
    """Whether our own login page has a button for it."""
    create_users: bool = True
    """Whether people who are not known here get a user at their first login."""
    link_users: bool = False
    """Whether a user of ours with the same confirmed address becomes theirs at the first login."""
    email_domains: Annotated[list[Domain], Field(default_factory=list, max_length=100)]
    """Whose addresses it may vouch for; empty for everybody's."""
    custom_attributes: Annotated[
        dict[Annotated[str, AfterValidator(_attribute)], _Text], Field(default_factory=dict, max_length=50)
    ]
    """Attributes of users that it created, each with the name of the provider's attribute or claim."""
    groups: Annotated[dict[_Text, _Text], Field(default_factory=dict, max_length=200)]
    """Groups of the provider, each with the group here whose members are theirs."""
    pass_on: bool = True
    """Whether applications are told what the provider says of a user, groups and attributes, as it says it."""


def read_config(settings: ProviderSettings) -> SamlConfig | OidcConfig:
    """Return how the provider is reached and believed; raise ValidationError if the document is wrong."""
    return _CONFIGS[settings.type].validate_python(settings.config)
