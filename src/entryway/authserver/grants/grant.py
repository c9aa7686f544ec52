"""What a grant is asked and what it answers; everything that grants share is the endpoint's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from entryway.authserver.authorizations import Authorization
    from entryway.authserver.clients import Client
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request, parsed; `parameters` still holds what one grant alone reads."""

    zone: Zone
    grant_type: str
    scopes: frozenset[str]
    additional: Mapping[str, str]
    parameters: Mapping[str, str] = field(repr=False)

    def required(self, name: str) -> str:
        """Return a parameter that the grant cannot do without."""
        value = self.parameters.get(name)
        if not value:
            raise InvalidRequest(f"Missing parameter: {name}")
        return value


@dataclass(frozen=True, slots=True)
class ClientDecision:
    """The client may have a token of its own."""


@dataclass(frozen=True, slots=True)
class UserDecision:
    """The client may have a token for this user.

    `refresh_token` is set where one exists already and goes back to the client as it is.
    """

    user: User
    authorization: Authorization
    refresh_token: str | None = field(default=None, repr=False)


class Grant(Protocol):
    """One way to come by a token."""

    async def authorize(self, request: TokenRequest, client: Client) -> ClientDecision | UserDecision:
        """Decide for a client that the endpoint has authenticated, or raise an OAuthError."""
        ...
