"""How the identity provider signs who it is, towards companies' providers that want `private_key_jwt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.oauth import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.federation.oidc_partners import Sign
    from entryway.idp.settings import IdpSettings
    from entryway.idp.signing_keys import SigningKeys


def sign_for_us(keys: SigningKeys, settings: IdpSettings) -> Sign[None]:
    """Return what signs claims with the key that `/oauth2/certs` publishes."""

    async def sign(owner: None, claims: Mapping[str, Any]) -> str:
        del owner
        ring = await keys.ring()
        return tokens.sign(claims, ring.active, f"{settings.public_url}/oauth2/certs")

    return sign
