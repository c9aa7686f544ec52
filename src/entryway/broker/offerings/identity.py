"""identity, plan application: an application that logs its users in at the identity provider itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from entryway.broker.errors import BrokerRequestInvalid
from entryway.broker.tenant import Tenant
from entryway.clients.access import PlatformRefused
from entryway.clients.identity_provider import IdentityProviderClient

# The names that instances of this service give to what is known of a user.
_SOURCES = {
    "mail": "email",
    "loginName": "user_name",
    "userUuid": "user_id",
    "displayName": "display_name",
    "firstName": "given_name",
    "lastName": "family_name",
    "groups": "groups",
    "companyGroups": "groups",
}


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"), hide_input_in_errors=True
    )


class _TokenPolicy(_Section):
    token_validity: Annotated[int, Field(ge=60, le=86_400)] = 3600
    refresh_validity: Annotated[int, Field(ge=0, le=31_536_000)] = 43_200


class _OAuth(_Section):
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    backchannel_logout_uri: str | None = None
    public_client: bool = False
    token_policy: _TokenPolicy = _TokenPolicy()


class _Parameters(_Section):
    display_name: Annotated[str, Field(max_length=255)] = ""
    oauth2_configuration: _OAuth = _OAuth()
    subject_name_identifier: str = "mail"
    assertion_attributes: dict[str, str] = {}
    # The tenant's trust says whose tokens may be exchanged there (`token_audiences`): nothing is to be done here.
    xsuaa_cross_consumption: bool = False
    # An instance is its tenant's own; who wants another is told that this cannot be.
    multi_tenant: Literal[False] = False


@dataclass(frozen=True, slots=True)
class IdentityOffering:
    """An instance is an application of the identity provider; it belongs to the landscape's tenant."""

    identity_provider: IdentityProviderClient
    tenant: Tenant

    def works_later(self, instance_id: str, parameters: Mapping[str, Any]) -> bool:
        del instance_id, parameters
        return False

    def remarks(self, parameters: Mapping[str, Any]) -> str:
        del parameters
        return ""

    async def provision(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        await self.update(instance_id, parameters, name)

    async def update(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        parsed = parse(parameters)
        with _refusals():
            await self.identity_provider.put_application(
                instance_id,
                name=parsed.display_name or name or instance_id,
                app_tid=await self.tenant.zid(),
                settings=settings(parsed),
            )

    async def rename(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        await self.update(instance_id, parameters, name)

    async def deprovision(self, instance_id: str) -> None:
        await self.identity_provider.delete_application(instance_id)

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with _refusals():
            return await self.identity_provider.put_binding(instance_id, binding_id, parameters)

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        await self.identity_provider.delete_binding(instance_id, binding_id)


@contextmanager
def _refusals() -> Iterator[None]:
    """Pass on what the identity provider finds wrong with what the platform has sent."""
    try:
        yield
    except PlatformRefused as error:
        if error.answered in {400, 409}:
            raise BrokerRequestInvalid(error.description) from error
        raise


def parse(parameters: Mapping[str, Any]) -> _Parameters:
    """Return the parameters of an instance, or raise with every mistake in them."""
    try:
        return _Parameters.model_validate(parameters)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors(include_url=False)]
        raise BrokerRequestInvalid("; ".join(wrong)[:1000]) from error


def settings(parameters: _Parameters) -> dict[str, Any]:
    """Return the application's settings in the words of the identity provider."""
    oauth = parameters.oauth2_configuration
    public = {"public": True, "grant_types": ["authorization_code", "refresh_token"]} if oauth.public_client else {}
    return {
        "redirect_uris": oauth.redirect_uris,
        "post_logout_redirect_uris": oauth.post_logout_redirect_uris,
        "back_channel_logout_uri": oauth.backchannel_logout_uri,
        "access_seconds": oauth.token_policy.token_validity,
        "refresh_seconds": oauth.token_policy.refresh_validity,
        "subject": _source(parameters.subject_name_identifier),
        "claims": {claim: _source(name) for claim, name in parameters.assertion_attributes.items()},
        **public,
    }


def _source(name: str) -> str:
    """Return what the identity provider calls an attribute; others are custom attributes."""
    return _SOURCES.get(name, f"attribute:{name}")
