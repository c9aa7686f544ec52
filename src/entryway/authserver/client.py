"""A client as the endpoints know it, and which scopes it may have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from entryway.config.xs_security_references import ACCEPT_GRANTED_AUTHORITIES, ACCEPT_GRANTED_SCOPES
from entryway.oauth import scopes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from entryway.config.redirect_patterns import RedirectPattern

# What every client may ask for on a user's behalf; libraries ask for `offline_access`, which adds nothing, unbidden.
OIDC_SCOPES = frozenset({"profile", "email", "phone", "address", "offline_access", "roles", "user_attributes"})
ALWAYS_ALLOWED = OIDC_SCOPES | {scopes.OPENID, scopes.USER}


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """A client with everything that the endpoints ask about it; another object once anything of it has changed."""

    id: str
    zid: str
    instance_id: str
    xsappname: str
    # The application whose scopes and roles count: its own, or for a clone the master's.
    application: str
    plan: str
    access_validity: timedelta
    refresh_validity: timedelta
    redirect_patterns: tuple[RedirectPattern, ...]
    grant_types: frozenset[str]
    user_scopes: frozenset[str]
    authorities: frozenset[str]
    system_attributes: frozenset[str]
    allowed_providers: frozenset[str] | None
    public: bool = False
    rotates_refresh_tokens: bool = False
    # Whether its refresh tokens are JWTs.
    signs_refresh_tokens: bool = False
    jwks: tuple[Mapping[str, Any], ...] = ()
    jwks_uri: str | None = None
    token_salt: str = ""
    # The tenant in which the client's bindings are: for an application that is subscribed to, its provider.
    bindings_zid: str = ""
    # Scopes of others by the names that descriptors have for them before it is known which application is meant.
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_clone(self) -> bool:
        """Whether this is one instance of a service."""
        return self.plan == "clone"


def allowed_user_scopes(own: Iterable[str], granted: Iterable[str], accepted: Iterable[str]) -> frozenset[str]:
    """Return the scopes that a client may carry for a user: its own, and what others grant and it accepts."""
    return ALWAYS_ALLOWED | frozenset(own) | _accepted(granted, accepted, ACCEPT_GRANTED_SCOPES)


def allowed_authorities(
    plan: str, own: Iterable[str], granted: Iterable[str], accepted: Iterable[str]
) -> frozenset[str]:
    """Return the scopes that a client has for itself: what others grant and it accepts, or it grants itself."""
    accepted = frozenset(accepted)
    if plan in {"platform", "apiaccess"}:
        return accepted | {scopes.RESOURCE}
    own = frozenset(own)
    # One descriptor speaks for both sides of a grant to itself, so either half of it is enough.
    to_itself = own & (frozenset(granted) | accepted)
    return to_itself | _accepted(granted, accepted, ACCEPT_GRANTED_AUTHORITIES) | {scopes.RESOURCE}


def _accepted(granted: Iterable[str], accepted: Iterable[str], everything: str) -> frozenset[str]:
    granted, accepted = frozenset(granted), frozenset(accepted)
    return granted if everything in accepted else granted & accepted
