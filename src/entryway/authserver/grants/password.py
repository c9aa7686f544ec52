"""`password` (RFC 6749 §4.3): for clients that have no browser to send the user to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import Vouched, authorization_of
from entryway.authserver.grants.grant import UserDecision
from entryway.authserver.users import ORIGIN
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from entryway.authserver.clients import Client
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.moments import Clock
    from entryway.authserver.passcodes import Passcodes
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.users import Users


@dataclass(frozen=True, slots=True)
class Password:
    """The same check, the same answer and the same lockout as on the login page; or a passcode from there."""

    users: Users
    passcodes: Passcodes
    providers: IdentityProviders
    clock: Clock

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether name and password, or the passcode, are right."""
        vouched = await self._vouched(request)
        return UserDecision(vouched.user, authorization_of(request, client, vouched), logon=True)

    async def _vouched(self, request: TokenRequest) -> Vouched:
        if "passcode" in request.parameters:
            return await self.passcodes.take(request.zone.id, request.required("passcode"))
        name, password = request.required("username"), request.required("password")
        if not _origin_fits(request.parameters.get("login_hint")):
            raise BadCredentials(
                "The origin provided in the login_hint does not match an active Identity Provider, "
                "that supports password grant."
            )
        own = await self.providers.get(request.zone.id, ORIGIN)
        if not own.draft.active:
            # The same answer as to a wrong password, so that it tells nothing of the tenant's settings.
            raise BadCredentials(detail="the built-in identity provider is switched off")
        return Vouched(await self.users.authenticate(request.zone.id, name, password), self.clock())


def _origin_fits(login_hint: str | None) -> bool:
    if not login_hint:
        return True
    try:
        hint = json.loads(login_hint)
    except (ValueError, RecursionError):
        return False
    return isinstance(hint, dict) and hint.get("origin", ORIGIN) == ORIGIN
