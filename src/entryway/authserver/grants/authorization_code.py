"""`authorization_code` (RFC 6749 §4.1.3): a user logged in and came back to the client with a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.client_authentication import PUBLIC
from entryway.authserver.grants.grant import UserDecision
from entryway.oauth import pkce
from entryway.oauth.errors import InvalidGrant, echo

if TYPE_CHECKING:
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.client import Client
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.users import Users


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The code is gone once taken, whatever is wrong afterwards."""

    authorizations: Authorizations
    users: Users

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether this client may redeem the code."""
        given = request.required("code")
        code = await self.authorizations.take_code(request.zone.id, given)
        if code.authorization.client_id != client.id:
            raise InvalidGrant(f"Invalid authorization code: {echo(given)}", "the code was issued to another client")
        named = request.parameters.get("redirect_uri")
        if named != code.redirect_uri and (named is not None or code.redirect_uri_given):
            raise InvalidGrant("Redirect URI mismatch.")
        if code.challenge is None and request.method == PUBLIC:
            # RFC 9700 §2.1.1: without a secret, the verifier is all that tells the client from a thief.
            raise InvalidGrant("A public client must send a code challenge with the authorization request.")
        pkce.check(code.challenge, request.parameters.get("code_verifier"))
        user = await self.users.find(request.zone.id, code.authorization.user_id)
        if user is None:
            raise InvalidGrant(f"Invalid authorization code: {echo(given)}", "the user is gone")
        return UserDecision(user, code.authorization, logon=True)
