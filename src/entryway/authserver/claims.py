"""What tokens say: claim sets built from values, without a clock, chance or a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from entryway.authserver.users import ORIGIN
from entryway.oauth import scopes
from entryway.oauth.tokens import Repeated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from entryway.authserver.client import Client
    from entryway.authserver.roles import Entitlements
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone

# The groups that an identity provider told of; the built-in origin has none.
GROUPS = "xs.saml.groups"
ROLE_COLLECTIONS = "xs.rolecollections"
LONGEST_ATTRIBUTE = 255
MOST_REMEMBERED = 2_000


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class Occasion:
    """What is particular to one token: when, under which id, after which grant."""

    jti: str
    # In whole seconds.
    issued_at: int
    expires_at: int
    grant_type: str
    additional: Mapping[str, str] = field(default_factory=dict)
    # How the client proved itself, where that was no secret; and the certificate that the token is bound to.
    client_auth_method: str | None = None
    thumbprint: str | None = None
    # Whether the server knows the token one by one and can end it for everybody who asks.
    revocable: bool = False


@dataclass(slots=True)  # not frozen, as an `Occasion`
class Login:
    """How and when a user logged in, as far as tokens tell."""

    authorization_id: str
    authenticated_at: datetime
    revocation_signature: str
    nonce: str | None = None


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class AccessClaims:
    """What an access token says: what others say, too, and what is its own."""

    repeated: Repeated
    own: dict[str, Any]

    def together(self) -> dict[str, Any]:
        """Return all of it."""
        return {**self.repeated.claims, **self.own}


def access_of_client(
    zone: Zone, client: Client, granted: AbstractSet[str], occasion: Occasion, revocation_signature: str
) -> AccessClaims:
    """Return the claims of a token that a client has for itself."""
    own = {
        "jti": occasion.jti,
        "grant_type": occasion.grant_type,
        "rev_sig": revocation_signature,
        **_times(occasion),
        **_particulars(occasion),
    }
    return AccessClaims(_repeated_for_client(zone, client, frozenset(granted)), own)


# What is remembered is the same object until it changes, so what tokens repeat is put together once for each.
@lru_cache(maxsize=MOST_REMEMBERED)
def _repeated_for_client(zone: Zone, client: Client, granted: frozenset[str]) -> Repeated:
    listed = sorted(granted)
    return Repeated(
        {
            "ext_attr": _extension(zone, client),
            "sub": client.id,
            "authorities": listed,
            "scope": listed,
            **_client(client),
            "iss": zone.issuer,
            "zid": zone.id,
            "aud": scopes.audience(client.id, granted),
        }
    )


def access_of_user(
    *,
    zone: Zone,
    client: Client,
    user: User,
    login: Login,
    granted: AbstractSet[str],
    entitlements: Entitlements,
    occasion: Occasion,
) -> AccessClaims:
    """Return the claims of a token that a client has for a user."""
    own = {
        "jti": occasion.jti,
        "grant_type": occasion.grant_type,
        "auth_time": int(login.authenticated_at.timestamp()),
        "rev_sig": login.revocation_signature,
        "sid": login.authorization_id,
        **_times(occasion),
        **_particulars(occasion),
    }
    return AccessClaims(_repeated_for_user(zone, client, user, frozenset(granted), entitlements), own)


@lru_cache(maxsize=MOST_REMEMBERED)
def _repeated_for_user(
    zone: Zone, client: Client, user: User, granted: frozenset[str], entitlements: Entitlements
) -> Repeated:
    return Repeated(
        {
            "ext_attr": _extension(zone, client),
            "xs.system.attributes": _system_attributes(client, entitlements),
            "xs.user.attributes": entitlements.attributes_in(client.application),
            "given_name": user.given_name,
            "family_name": user.family_name,
            "sub": user.id,
            "scope": sorted(granted),
            **_client(client),
            "user_id": user.id,
            **global_id(user, entitlements),
            "origin": user.origin,
            "user_name": user.user_name,
            "email": user.email,
            "iss": zone.issuer,
            "zid": zone.id,
            "aud": scopes.audience(client.id, granted),
        }
    )


def id_token(
    *,
    zone: Zone,
    client: Client,
    user: User,
    login: Login,
    granted: AbstractSet[str],
    entitlements: Entitlements,
    occasion: Occasion,
) -> dict[str, Any]:
    """Return the claims of an OpenID Connect id_token: who logged in, told to the client."""
    claims: dict[str, Any] = {
        "jti": occasion.jti,
        "sub": user.id,
        "iss": zone.issuer,
        "aud": [client.id],
        **_client(client),
        "grant_type": occasion.grant_type,
        "origin": user.origin,
        "user_id": user.id,
        **global_id(user, entitlements),
        "user_name": user.user_name,
        "email": user.email,
        "email_verified": email_verified(user, entitlements),
        "auth_time": int(login.authenticated_at.timestamp()),
        "rev_sig": login.revocation_signature,
        "sid": login.authorization_id,
        **_times(occasion),
        "zid": zone.id,
    }
    if user.origin == ORIGIN:
        # Only of our own users do we know how they proved who they are.
        claims["amr"] = ["pwd"]
    if login.nonce is not None:
        claims["nonce"] = login.nonce
    if user.previous_logon_at is not None:
        claims["previous_logon_time"] = int(user.previous_logon_at.timestamp() * 1000)
    # Plain UAA gives the names for the scope `profile` only; applications of this format read them always.
    claims |= names(user)
    return claims | of_provider(entitlements, granted)


def names(user: User) -> dict[str, str]:
    """Return what a user is called: many clients know `name` and `preferred_username`, not `user_name`."""
    return {
        "given_name": user.given_name,
        "family_name": user.family_name,
        "name": f"{user.given_name} {user.family_name}".strip() or user.user_name,
        "preferred_username": user.user_name,
    }


def global_id(user: User, entitlements: Entitlements) -> dict[str, str]:
    """Return who the user is to everybody who knows their identity provider, if it says so."""
    known = user.id if user.origin == ORIGIN else _first(entitlements, "user_uuid")
    return {"user_uuid": known} if known else {}


def email_verified(user: User, entitlements: Entitlements) -> bool:
    """Say whether the user's identity provider vouches that the address is theirs."""
    same = user.origin != ORIGIN and _first(entitlements, "email") == user.email
    return same and _first(entitlements, "email_verified") == "true"


def of_provider(entitlements: Entitlements, granted: AbstractSet[str]) -> dict[str, Any]:
    """Return what the user's identity provider told of them, as far as the scopes allow the client to know it."""
    claims: dict[str, Any] = {}
    if "roles" in granted:
        claims["roles"] = list(entitlements.groups)
    if "user_attributes" in granted:
        claims["user_attributes"] = {name: list(values) for name, values in sorted(entitlements.told.items())}
    if granted & {"phone", "profile"} and (phone := _first(entitlements, "phone_number")):
        claims["phone_number"] = phone
    return claims


def _first(entitlements: Entitlements, name: str) -> str:
    value = next(iter(entitlements.told.get(name, ())), "")
    return value if len(value) <= LONGEST_ATTRIBUTE and value.isprintable() else ""


def refresh_of_user(
    *,
    zone: Zone,
    client: Client,
    user: User,
    login: Login,
    granted: AbstractSet[str],
    occasion: Occasion,
) -> dict[str, Any]:
    """Return the claims of a refresh token; `granted_scopes` in the place of `scope` tells it from an access token."""
    return {
        "jti": occasion.jti,
        "ext_attr": _extension(zone, client),
        "sub": user.id,
        "granted_scopes": sorted(granted),
        **_client(client),
        "grant_type": occasion.grant_type,
        "user_id": user.id,
        "origin": user.origin,
        "user_name": user.user_name,
        "auth_time": int(login.authenticated_at.timestamp()),
        "rev_sig": login.revocation_signature,
        **_times(occasion),
        "iss": zone.issuer,
        "zid": zone.id,
        "aud": scopes.audience(client.id, granted),
        **_particulars(occasion),
    }


def _client(client: Client) -> dict[str, str]:
    # Three names of one thing: libraries differ in which they read.
    return {"client_id": client.id, "cid": client.id, "azp": client.id}


def _times(occasion: Occasion) -> dict[str, int]:
    return {"iat": occasion.issued_at, "exp": occasion.expires_at}


def _particulars(occasion: Occasion) -> dict[str, Any]:
    claims: dict[str, Any] = {}
    if occasion.additional:
        claims["az_attr"] = dict(occasion.additional)
    if occasion.client_auth_method is not None:
        claims["client_auth_method"] = occasion.client_auth_method
    if occasion.thumbprint is not None:
        claims["cnf"] = {"x5t#S256": occasion.thumbprint}  # RFC 8705 §3.1
    if occasion.revocable:
        claims["revocable"] = True
    return claims


def _extension(zone: Zone, client: Client) -> dict[str, str]:
    extension = {"enhancer": "XSUAA", "subaccountid": zone.id, "zdn": zone.subdomain}
    if client.is_clone:
        extension["serviceinstanceid"] = client.instance_id
        if client.bindings_zid not in {"", zone.id}:
            # Services keep things for the provider, too, and know it by nothing else.
            extension["providersubaccountid"] = client.bindings_zid
    return extension


def _system_attributes(client: Client, entitlements: Entitlements) -> dict[str, list[str]]:
    attributes: dict[str, list[str]] = {}
    if "groups" in client.system_attributes:
        attributes[GROUPS] = list(entitlements.groups)
    if "rolecollections" in client.system_attributes:
        attributes[ROLE_COLLECTIONS] = list(entitlements.collections)
    return attributes
