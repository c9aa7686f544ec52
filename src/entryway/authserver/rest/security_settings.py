"""A tenant's security settings: how long tokens last, the keys that sign them, and where passwords are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from entryway.authserver.clients import ACCESS_VALIDITY, REFRESH_VALIDITY
from entryway.authserver.rest.apps import READ, WRITE
from entryway.authserver.rest.bodies import Body, Reference
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.signing_keys import SigningKeys
from entryway.authserver.token_policies import TokenPolicies
from entryway.authserver.trust.providers import IdentityProviders
from entryway.authserver.trust.saml_keys import SamlKeys
from entryway.errors import BadRequest

# What says "as the landscape has it" to clients of this format.
DEFAULT = -1


class TokenPolicySettings(Body):
    """Seconds, -1 for the landscape's own; `changeMode` is about the key `keyId`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    accessTokenValidity: Annotated[int, Field(ge=-1, le=86400)] | None = None  # noqa: N815 - the names on the wire
    refreshTokenValidity: Annotated[int, Field(ge=-1, le=31536000)] | None = None  # noqa: N815
    refreshTokenRotation: bool | None = None  # noqa: N815
    keyId: Reference | None = None  # noqa: N815
    changeMode: Literal["ADD", "UPDATE", "DELETE", "FORCE_UPDATE", "FORCE_DELETE"] | None = None  # noqa: N815


class SamlConfigSettings(Body):
    """What to do with a key of the tenant as a SAML service provider: ADD one, UPDATE to it, DELETE it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    changeMode: Literal["ADD", "UPDATE", "DELETE"]  # noqa: N815 - the names on the wire
    keyId: Reference | None = None  # noqa: N815


class SecuritySettings(Body):
    """What changes; a setting that this server does not have is refused and not forgotten."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    tokenPolicySettings: TokenPolicySettings | None = None  # noqa: N815
    samlConfigSettings: SamlConfigSettings | None = None  # noqa: N815
    defaultIdp: Reference | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class SecuritySettingsOperations:
    """Read as a whole, changed in parts."""

    policies: TokenPolicies
    keys: SigningKeys
    providers: IdentityProviders
    saml_keys: SamlKeys

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        path = "/securitySettings"
        return [
            Operation("GET", path, READ, "The tenant's security settings", self.get),
            Operation("PATCH", path, WRITE, "Change them", self.patch, body=SecuritySettings),
        ]

    async def get(self, asked: Asked) -> Any:
        policy = await self.policies.get(asked.zid)
        keys = await self.keys.listed(asked.zid)
        providers = await self.providers.list(asked.zid)
        saml_keys = await self.saml_keys.list(asked.zid)
        return {
            "tokenPolicySettings": {
                "accessTokenValidity": policy.access_validity or DEFAULT,
                "refreshTokenValidity": policy.refresh_validity or DEFAULT,
                "refreshTokenRotation": policy.rotates,
                "activeKeyId": next(key["kid"] for key in keys if key["enabled"]),
                "keyIds": [key["kid"] for key in keys],
            },
            "samlConfigSettings": {
                "activeKeyId": next((key.kid for key in saml_keys if key.is_active), None),
                "keyIds": [key.kid for key in saml_keys],
            },
            "defaultIdp": next((each.origin for each in providers if each.draft.default_for_noninteractive), None),
        }

    async def patch(self, asked: Asked) -> Any:
        body: SecuritySettings = asked.body
        settings = body.tokenPolicySettings
        if settings is not None:
            await self._change_policy(asked, settings)
            if settings.changeMode is not None:
                await self._change_keys(asked, settings.changeMode, settings.keyId)
            elif settings.keyId is not None:
                raise BadRequest("a keyId needs a changeMode")
        if body.samlConfigSettings is not None:
            await self._change_saml_keys(asked, body.samlConfigSettings)
        if body.defaultIdp is not None:
            provider = await self.providers.get(asked.zid, body.defaultIdp)
            draft = replace(provider.draft, default_for_noninteractive=True)
            await self.providers.update(asked.zid, body.defaultIdp, draft, actor=asked.caller.actor)
        return await self.get(asked)

    async def _change_policy(self, asked: Asked, settings: TokenPolicySettings) -> None:
        before = await self.policies.get(asked.zid)
        policy = replace(
            before,
            access_validity=_validity(settings.accessTokenValidity, before.access_validity, ACCESS_VALIDITY),
            refresh_validity=_validity(settings.refreshTokenValidity, before.refresh_validity, REFRESH_VALIDITY),
            rotates=before.rotates if settings.refreshTokenRotation is None else settings.refreshTokenRotation,
        )
        if policy != before:
            await self.policies.put(asked.zid, policy, actor=asked.caller.actor)

    async def _change_keys(self, asked: Asked, mode: str, kid: str | None) -> None:
        forced, actor = mode.startswith("FORCE_"), asked.caller.actor
        if mode == "ADD":
            # The server makes the key and its name: a private key that travels is not one.
            await self.keys.create(asked.zid, actor)
            return
        if kid is None:
            raise BadRequest(f"changeMode {mode} needs the keyId")
        if mode.endswith("UPDATE"):
            await self.keys.enable(asked.zid, kid, actor, forced=forced)
        else:
            await self.keys.delete(asked.zid, kid, actor, forced=forced)

    async def _change_saml_keys(self, asked: Asked, settings: SamlConfigSettings) -> None:
        actor, kid = asked.caller.actor, settings.keyId
        if settings.changeMode == "ADD":
            await self.saml_keys.add(asked.zid, actor=actor)
        elif kid is None:
            raise BadRequest(f"changeMode {settings.changeMode} needs the keyId")
        elif settings.changeMode == "UPDATE":
            await self.saml_keys.activate(asked.zid, kid, actor=actor)
        else:
            await self.saml_keys.delete(asked.zid, kid, actor=actor)


def _validity(given: int | None, before: int | None, usual: int) -> int | None:
    if given is None:
        return before
    if given == DEFAULT:
        return None
    if given < 60:
        raise BadRequest(f"a validity is {DEFAULT} for {usual} seconds, or at least 60")
    return given
