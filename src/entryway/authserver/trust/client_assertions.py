"""How a tenant signs who it is, towards OpenID Connect providers that want `private_key_jwt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.oauth import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.zones import Zone
    from entryway.federation.oidc_partners import Sign


def sign_for_tenants(keys: SigningKeys) -> Sign[Zone]:
    """Return what signs claims with a tenant's key."""

    async def sign(zone: Zone, claims: Mapping[str, Any]) -> str:
        ring = await keys.ring(zone.id)
        return tokens.sign(claims, ring.active, f"{zone.url}/token_keys")

    return sign
