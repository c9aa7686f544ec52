"""Identity providers that a tenant trusts: `/sap/rest/identity-providers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from entryway.authserver.rest import paging
from entryway.authserver.rest.bodies import Body, Reference, Text
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.trust.configuration import Kind, ProviderDraft
from entryway.authserver.trust.migration import TrustMigration
from entryway.authserver.trust.providers import IdentityProvider, IdentityProviders, IdentityProviderUnknown
from entryway.authserver.trust.refreshing import TrustRefresh

READ, WRITE = "xs_idp.read", "xs_idp.write"
# What is sent, and what it is called inside.
_FIELDS = {
    "name": "name",
    "description": "description",
    "active": "active",
    "addShadowUserOnLogin": "create_shadow_users",
    "availableForLogon": "available_for_logon",
    "linkText": "link_text",
    "defaultForNoninteractiveLogon": "default_for_noninteractive",
    "isDefault": "is_default",
    "emailDomains": "email_domains",
}


class ProviderChange(Body):
    """What of a provider changes; of `config`, the keys that are given, and null takes one out."""

    name: Text | None = None
    description: Text | None = None
    active: bool | None = None
    addShadowUserOnLogin: bool | None = None  # noqa: N815 - the names on the wire
    availableForLogon: bool | None = None  # noqa: N815
    linkText: Text | None = None  # noqa: N815
    defaultForNoninteractiveLogon: bool | None = None  # noqa: N815
    isDefault: bool | None = None  # noqa: N815
    emailDomains: Annotated[list[Text], Field(max_length=100)] | None = None  # noqa: N815
    config: dict[str, Any] | None = None

    def given(self) -> dict[str, Any]:
        """Return what was given, by the names inside."""
        found = {ours: getattr(self, wire) for wire, ours in _FIELDS.items() if getattr(self, wire) is not None}
        return found | ({"email_domains": tuple(self.emailDomains)} if self.emailDomains is not None else {})


class ProviderWhole(ProviderChange):
    """A provider as it should be; what is left away has its default."""

    type: Literal["oidc1.0", "saml2.0", "internal"]
    originKey: Reference  # noqa: N815


class OtherProvider(Body):
    """The OpenID Connect provider's own key: from which it comes, or to which it goes back."""

    originKey: Reference = "sap.custom"  # noqa: N815


@dataclass(frozen=True, slots=True)
class IdentityProviderOperations:
    """The operations on identity providers; one is named by its origin key or its id."""

    providers: IdentityProviders
    refresh: TrustRefresh
    migration: TrustMigration
    # Issuers of the landscape's own.
    on_offer: Sequence[str]

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        active = {"activeOnly": "whether to leave away those that are switched off"} | paging.QUERY
        return [
            Operation("GET", "", READ, "List identity providers", self.list, query=active),
            Operation("POST", "", WRITE, "Trust another one", self.create, body=ProviderWhole, status=201),
            Operation("GET", "/ias", READ, "Those of the landscape that can be trusted", self.list_available),
            Operation("GET", "/{id}", READ, "An identity provider", self.get),
            Operation("PUT", "/{id}", WRITE, "Configure it anew", self.put, body=ProviderWhole),
            Operation("PATCH", "/{id}", WRITE, "Change it", self.patch, body=ProviderChange),
            Operation("POST", "/{id}/refresh", WRITE, "Fetch what it publishes now", self.refresh_one),
            Operation("POST", "/{id}/migrate", WRITE, "Give its key to another one", self.migrate, body=OtherProvider),
            Operation("POST", "/{id}/restore", WRITE, "Give the key back", self.restore, body=OtherProvider),
            Operation("DELETE", "/{id}", WRITE, "Trust it no more; its users go with it", self.delete, status=204),
        ]

    async def list(self, asked: Asked) -> Any:
        found = await self.providers.list(asked.zid, active_only=asked.flag("activeOnly"))
        return paging.part_of(found, asked.window).shown(_shape)

    async def list_available(self, asked: Asked) -> Any:
        trusted = await self.providers.list(asked.zid)
        return [
            {
                "host": urlsplit(each.issuer).netloc,
                "issuer": each.issuer,
                "trustedAs": [one.origin for one in trusted if one.draft.config.get("issuer") == each.issuer],
            }
            for each in await self.refresh.answering(self.on_offer)
        ]

    async def get(self, asked: Asked) -> Any:
        return _shape(await self._find(asked))

    async def create(self, asked: Asked) -> Any:
        draft = await self.refresh.completed(_draft(asked.body))
        made = await self.providers.create(asked.zid, draft, actor=asked.caller.actor)
        return _shape(made)

    async def put(self, asked: Asked) -> Any:
        before = await self._find(asked)
        draft = await self.refresh.completed(_draft(asked.body), before.draft)
        return _shape(await self.providers.update(asked.zid, before.origin, draft, actor=asked.caller.actor))

    async def patch(self, asked: Asked) -> Any:
        before = await self._find(asked)
        body: ProviderChange = asked.body
        config = {**before.draft.config, **(body.config or {})}
        draft = replace(
            before.draft,
            **body.given(),
            config={name: value for name, value in config.items() if value is not None},
        )
        draft = await self.refresh.completed(draft, before.draft)
        return _shape(await self.providers.update(asked.zid, before.origin, draft, actor=asked.caller.actor))

    async def refresh_one(self, asked: Asked) -> Any:
        origin = (await self._find(asked)).origin
        return _shape(await self.refresh.refresh(asked.zid, origin, actor=asked.caller.actor))

    async def migrate(self, asked: Asked) -> Any:
        origin, other = (await self._find(asked)).origin, asked.body.originKey
        return _shape(await self.migration.migrate(asked.zid, origin, other, actor=asked.caller.actor))

    async def restore(self, asked: Asked) -> Any:
        origin, other = (await self._find(asked)).origin, asked.body.originKey
        return _shape(await self.migration.restore(asked.zid, origin, other, actor=asked.caller.actor))

    async def delete(self, asked: Asked) -> None:
        origin = (await self._find(asked)).origin
        await self.providers.delete(asked.zid, origin, actor=asked.caller.actor)

    async def _find(self, asked: Asked) -> IdentityProvider:
        wanted = asked.path["id"]
        found = await self.providers.find(asked.zid, wanted)
        if found is not None:
            return found
        for each in await self.providers.list(asked.zid):
            if each.id == wanted:
                return each
        raise IdentityProviderUnknown(wanted)


def _draft(body: ProviderWhole) -> ProviderDraft:
    given = {"name": body.originKey, **body.given()}
    config = {name: value for name, value in (body.config or {}).items() if value is not None}
    return ProviderDraft(origin=body.originKey, type=Kind(body.type), config=config, **given)


def _shape(provider: IdentityProvider) -> dict[str, Any]:
    draft = provider.draft
    told = {wire: getattr(draft, ours) for wire, ours in _FIELDS.items()}
    # A secret is never told, not even to whom it was told by.
    config = {name: value for name, value in draft.config.items() if name != "client_secret"}
    return {
        "id": provider.id,
        "type": str(draft.type),
        "originKey": draft.origin,
        **told,
        "emailDomains": list(draft.email_domains),
        "config": config,
    }
