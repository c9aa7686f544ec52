"""What a grant is asked and what it answers; everything that grants share is the endpoint's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from entryway.authserver.client_authentication import SECRET
from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.authserver.authorization import Authorization
    from entryway.authserver.client import Client
    from entryway.authserver.client_authentication import Authenticated
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class TokenRequest:
    """A token request, parsed; `parameters` still holds what one grant alone reads."""

    zone: Zone
    grant_type: str
    scopes: frozenset[str]
    additional: Mapping[str, str]
    parameters: Mapping[str, str] = field(repr=False)
    opaque: bool = False
    # What `response_type` asks for; empty means that the grant decides.
    response_types: frozenset[str] = frozenset()
    # How the client proved itself, and the certificate that it came with.
    method: str = SECRET
    thumbprint: str | None = None
    # The token in the Authorization header, where that is what the client proved itself with.
    bearer: str | None = field(default=None, repr=False)

    def by(self, authenticated: Authenticated) -> TokenRequest:
        """Return the request as this client's."""
        if authenticated.method == SECRET:
            return self
        return replace(
            self,
            method=authenticated.method,
            thumbprint=authenticated.thumbprint,
            bearer=authenticated.bearer,
        )

    def required(self, name: str) -> str:
        """Return a parameter that the grant cannot do without."""
        value = self.parameters.get(name)
        if not value:
            raise InvalidRequest(f"Missing parameter: {name}")
        return value


@dataclass(frozen=True, slots=True)
class ClientDecision:
    """The client may have a token of its own."""


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class UserDecision:
    """The client may have a token for this user.

    `refresh_token` is set where one exists already and goes back to the client as it is, unless it is a new one that
    lasts until `refresh_until`. `logon` says that the user has just logged on, so that the client is told who it is (an
    id_token) without asking for it.
    """

    user: User
    authorization: Authorization
    refresh_token: str | None = field(default=None, repr=False)
    refresh_until: datetime | None = None
    logon: bool = False
    # The user's revocation signature at this client, where the grant has had to know it.
    signature: str | None = None
    # What the response says beside the tokens.
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Another client than the one that asks may have a refresh token for this user."""

    user: User
    authorization: Authorization
    receiver: Client


Decision = ClientDecision | UserDecision | HandOver


class Grant(Protocol):
    """One way to come by a token."""

    async def authorize(self, request: TokenRequest, client: Client) -> Decision:
        """Decide for a client that the endpoint has authenticated, or raise an OAuthError."""
        ...
