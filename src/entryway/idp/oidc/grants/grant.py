"""What a grant is asked and what it answers; everything that grants share is the endpoint's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.authorizations import Authorization


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request, parsed; `parameters` still holds what one grant alone reads."""

    grant_type: str
    scopes: frozenset[str]
    app_tid: str
    parameters: Mapping[str, str] = field(repr=False)

    def required(self, name: str) -> str:
        """Return a parameter that the grant cannot do without."""
        value = self.parameters.get(name)
        if not value:
            raise InvalidRequest(f"Missing parameter: {name}")
        return value


@dataclass(frozen=True, slots=True)
class ApplicationDecision:
    """The application may have a token of its own."""


@dataclass(frozen=True, slots=True)
class UserDecision:
    """The application may have a token for a user; `refresh_until` bounds how long it may be refreshed."""

    authorization: Authorization
    refreshable: bool = True
    refresh_until: datetime | None = None


class Grant(Protocol):
    """One way to come by a token."""

    async def authorize(self, request: TokenRequest, application: Application) -> ApplicationDecision | UserDecision:
        """Decide for an application that the endpoint has authenticated, or raise an OAuthError."""
        ...
