"""What administrators send to change a tenant's security settings, checked."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from entryway.authserver.rest.bodies import Body, Reference
from entryway.config import redirect_patterns
from entryway.web.cross_origin import ORIGIN

# A host, perhaps with a port, or all hosts below one.
_TRUSTED = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE
)
_ABSENT = {
    "customEmailDomains": "each identity provider has the domains that choose it (emailDomains)",
    "treatUsersWithSameEmailAsSameUser": "users of different identity providers are different users here",
}


def _leads_somewhere_known(text: str) -> str:
    pattern = redirect_patterns.parse(text)
    if pattern is None:
        raise ValueError(f"{text!r} is no address like https://app.example.com/**")
    if redirect_patterns.matches_any_host(pattern):
        raise ValueError(f"{text!r} would send users to any host")
    return text


Redirect = Annotated[str, Field(max_length=2000), AfterValidator(_leads_somewhere_known)]


def _is_an_origin(text: str) -> str:
    if not ORIGIN.fullmatch(text.lower()):
        raise ValueError(f"{text!r} is no origin like https://app.example.com or https://*.example.com")
    return text


Origin = Annotated[str, Field(max_length=300), AfterValidator(_is_an_origin)]


class _Settings(Body):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _KeySettings(_Settings):
    keyId: Reference | None = None  # noqa: N815 - the names on the wire
    # GET tells these; whoever sends back what they have read changes nothing by it.
    activeKeyId: Reference | None = None  # noqa: N815
    keyIds: Annotated[list[Reference], Field(max_length=10)] | None = None  # noqa: N815


class TokenPolicySettings(_KeySettings):
    """Seconds, -1 for the landscape's own; `changeMode` is about the key `keyId`."""

    accessTokenValidity: Annotated[int, Field(ge=-1, le=86400)] | None = None  # noqa: N815
    refreshTokenValidity: Annotated[int, Field(ge=-1, le=31536000)] | None = None  # noqa: N815
    refreshTokenRotation: bool | None = None  # noqa: N815
    refreshTokenFormat: Literal["opaque", "jwt"] | None = None  # noqa: N815
    # Told by GET, as the ids are.
    keys: Annotated[list[dict[str, str]], Field(max_length=10)] | None = None
    changeMode: Literal["ADD", "UPDATE", "DELETE", "FORCE_UPDATE", "FORCE_DELETE"] | None = None  # noqa: N815


class SamlConfigSettings(_KeySettings):
    """What to do with a key of the tenant as a SAML service provider: ADD one, UPDATE to it, DELETE it."""

    changeMode: Literal["ADD", "UPDATE", "DELETE"] | None = None  # noqa: N815

    @model_validator(mode="before")
    @classmethod
    def _no_key_comes_along(cls, given: Any) -> Any:
        if isinstance(given, dict) and "key" in given:
            raise ValueError("the server makes its keys itself (ADD): a private key that travels is not one")
        return given


class SecuritySettings(_Settings):
    """What changes; a setting that this server does not have is refused and not forgotten."""

    tokenPolicySettings: TokenPolicySettings | None = None  # noqa: N815
    samlConfigSettings: SamlConfigSettings | None = None  # noqa: N815
    defaultIdp: Reference | None = None  # noqa: N815
    # Hosts with blanks between them: whose pages may show the login in a frame.
    iframeDomains: Annotated[str, Field(max_length=2048)] | None = None  # noqa: N815
    partitionedCookies: bool | None = None  # noqa: N815
    homeRedirect: Annotated[str, Field(max_length=2000, pattern=r"^(https://[^\s\\@]+)?$")] | None = None  # noqa: N815
    # Patterns as in `redirect-uris` of a descriptor: where a logout may lead, whoever asks for it.
    logoutWhitelist: Annotated[list[Redirect], Field(max_length=100)] | None = None  # noqa: N815
    # Whose scripts may read what clients are answered.
    corsAllowedOrigins: Annotated[list[Origin], Field(max_length=100)] | None = None  # noqa: N815

    @model_validator(mode="before")
    @classmethod
    def _has_them(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for name, why in _ABSENT.items():
            if given.get(name):
                raise ValueError(f"{name} is no setting of this server: {why}")
        return {name: value for name, value in given.items() if name not in _ABSENT}

    @field_validator("iframeDomains")
    @classmethod
    def _are_hosts(cls, value: str | None) -> str | None:
        wrong = [domain for domain in (value or "").split() if not _TRUSTED.fullmatch(domain)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no host like app.example.com or *.example.com")
        return value
