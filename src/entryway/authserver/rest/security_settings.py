"""A tenant's security settings: how long tokens last, what signs them, where passwords are checked, and frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from entryway.authserver.client_loading import ACCESS_VALIDITY, REFRESH_VALIDITY
from entryway.authserver.rest.apps import READ, WRITE
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.rest.settings_bodies import SecuritySettings, TokenPolicySettings
from entryway.authserver.signing_keys import SigningKeys
from entryway.authserver.tenant_browsing import Browsing, TenantBrowsing
from entryway.authserver.token_policies import TokenPolicies
from entryway.authserver.trust.providers import IdentityProviders
from entryway.authserver.trust.saml_keys import SamlKeys
from entryway.errors import BadRequest

# What says "as the landscape has it" to clients of this format.
DEFAULT = -1


@dataclass(frozen=True, slots=True)
class SecuritySettingsOperations:
    """Read as a whole, changed in parts."""

    policies: TokenPolicies
    keys: SigningKeys
    providers: IdentityProviders
    saml_keys: SamlKeys
    browsing: TenantBrowsing

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
        browsing = await self.browsing.read(asked.zid)
        return {
            "tokenPolicySettings": {
                "accessTokenValidity": policy.access_validity or DEFAULT,
                "refreshTokenValidity": policy.refresh_validity or DEFAULT,
                "refreshTokenRotation": policy.rotates,
                "refreshTokenFormat": policy.refresh_format,
                "activeKeyId": next(key["kid"] for key in keys if key["enabled"]),
                "keyIds": [key["kid"] for key in keys],
                "keys": [{"keyId": key["kid"], "createdAt": key["created_at"]} for key in keys],
            },
            "samlConfigSettings": {
                "activeKeyId": next((key.kid for key in saml_keys if key.is_active), None),
                "keyIds": [key.kid for key in saml_keys],
            },
            "defaultIdp": next((each.origin for each in providers if each.draft.default_for_noninteractive), None),
            "iframeDomains": " ".join(browsing.iframe_domains),
            "partitionedCookies": browsing.partitioned_cookies,
            "homeRedirect": browsing.home_redirect,
            "logoutWhitelist": list(browsing.logout_whitelist),
            "corsAllowedOrigins": list(browsing.cors_origins),
        }

    async def patch(self, asked: Asked) -> Any:
        body: SecuritySettings = asked.body
        await self._check_keys(asked, body)
        settings, saml = body.tokenPolicySettings, body.samlConfigSettings
        if settings is not None:
            await self._change_policy(asked, settings)
            if settings.changeMode is not None:
                await self._change_keys(asked, settings.changeMode, settings.keyId)
        if saml is not None and saml.changeMode is not None:
            await self._change_saml_keys(asked, saml.changeMode, saml.keyId)
        if body.defaultIdp is not None:
            provider = await self.providers.get(asked.zid, body.defaultIdp)
            draft = replace(provider.draft, default_for_noninteractive=True)
            await self.providers.update(asked.zid, body.defaultIdp, draft, actor=asked.caller.actor)
        await self._change_browsing(asked, body)
        return await self.get(asked)

    async def _check_keys(self, asked: Asked, body: SecuritySettings) -> None:
        """Raise for a key that nothing is to be done with, and for keys other than those that there are."""
        now = await self.get(asked)
        for name in ("tokenPolicySettings", "samlConfigSettings"):
            given = getattr(body, name)
            if given is None:
                continue
            if given.keyId is not None and given.changeMode is None:
                raise BadRequest("a keyId needs a changeMode")
            told = given.model_dump(include={"activeKeyId", "keyIds", "keys"}, exclude_none=True)
            if any(value != now[name][key] for key, value in told.items()):
                raise BadRequest(f"{name}: keys are changed by a changeMode and a keyId")

    async def _change_browsing(self, asked: Asked, body: SecuritySettings) -> None:
        before = await self.browsing.read(asked.zid)
        browsing = Browsing(
            iframe_domains=(
                before.iframe_domains
                if body.iframeDomains is None
                else tuple(dict.fromkeys(body.iframeDomains.lower().split()))
            ),
            partitioned_cookies=(
                before.partitioned_cookies if body.partitionedCookies is None else body.partitionedCookies
            ),
            home_redirect=before.home_redirect if body.homeRedirect is None else body.homeRedirect,
            logout_whitelist=(
                before.logout_whitelist if body.logoutWhitelist is None else tuple(dict.fromkeys(body.logoutWhitelist))
            ),
            cors_origins=(
                before.cors_origins
                if body.corsAllowedOrigins is None
                else tuple(dict.fromkeys(each.lower() for each in body.corsAllowedOrigins))
            ),
        )
        if browsing != before:
            await self.browsing.put(asked.zid, browsing, actor=asked.caller.actor)

    async def _change_policy(self, asked: Asked, settings: TokenPolicySettings) -> None:
        before = await self.policies.get(asked.zid)
        policy = replace(
            before,
            access_validity=_validity(settings.accessTokenValidity, before.access_validity, ACCESS_VALIDITY),
            refresh_validity=_validity(settings.refreshTokenValidity, before.refresh_validity, REFRESH_VALIDITY),
            rotates=before.rotates if settings.refreshTokenRotation is None else settings.refreshTokenRotation,
            refresh_format=settings.refreshTokenFormat or before.refresh_format,
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

    async def _change_saml_keys(self, asked: Asked, mode: str, kid: str | None) -> None:
        actor = asked.caller.actor
        if mode == "ADD":
            await self.saml_keys.add(asked.zid, actor=actor)
        elif kid is None:
            raise BadRequest(f"changeMode {mode} needs the keyId")
        elif mode == "UPDATE":
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
