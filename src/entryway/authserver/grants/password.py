"""`password` (RFC 6749 §4.3): for clients that have no browser to send the user to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import Vouched, authorization_of
from entryway.authserver.grants.grant import UserDecision
from entryway.authserver.trust.selection import choose_for_password
from entryway.authserver.users import ORIGIN
from entryway.oauth import login_hints
from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.moments import Clock
    from entryway.authserver.passcodes import Passcodes
    from entryway.authserver.trust.provider_passwords import ProviderPasswords
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.users import Users
    from entryway.web.tries import Tries


@dataclass(frozen=True, slots=True)
class Password:
    """The check, answer and lockout of the login page, an identity provider that is asked, or a passcode."""

    users: Users
    passcodes: Passcodes
    providers: IdentityProviders
    passwords_elsewhere: ProviderPasswords
    tries: Tries
    clock: Clock

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether name and password, or the passcode, are right."""
        with self.tries.counted(request.zone.id, client.id):
            vouched = await self._vouched(request, client)
        return UserDecision(vouched.user, authorization_of(request, client, vouched), logon=True)

    async def _vouched(self, request: TokenRequest, client: Client) -> Vouched:
        if "passcode" in request.parameters:
            return await self.passcodes.take(request.zone.id, request.required("passcode"))
        name, password = request.required("username"), request.required("password")
        zid = request.zone.id
        provider = choose_for_password(
            await self.providers.list(zid, active_only=True),
            allowed=client.allowed_providers,
            hinted=_origin(request.parameters.get("login_hint")),
        )
        if provider.origin == ORIGIN:
            return Vouched(await self.users.authenticate(zid, name, password), self.clock())
        return await self.passwords_elsewhere.vouch(request.zone, provider, name, password)


def _origin(login_hint: str | None) -> str | None:
    """Return the origin that a hint names; one that cannot be read names nobody's."""
    try:
        origins, _ = login_hints.parse(None, login_hint)
    except InvalidRequest:
        return ""
    return origins[0] if origins else None
