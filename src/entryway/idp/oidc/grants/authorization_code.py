"""`authorization_code` (RFC 6749 §4.1.3): a user logged in and came back to the application with a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.oidc.grants.grant import UserDecision
from entryway.oauth import pkce
from entryway.oauth.errors import InvalidGrant

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.authorizations import Authorizations
    from entryway.idp.oidc.grants.grant import TokenRequest


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The code is gone once taken, whatever is wrong afterwards."""

    authorizations: Authorizations

    async def authorize(self, request: TokenRequest, application: Application) -> UserDecision:
        """Decide whether this application may redeem the code."""
        code = await self.authorizations.take_code(request.required("code"))
        if code.authorization.application_id != application.id:
            raise InvalidGrant("Invalid authorization code", "the code was issued to another application")
        named = request.parameters.get("redirect_uri")
        if named != code.redirect_uri and (named is not None or code.redirect_uri_given):
            raise InvalidGrant("Redirect URI mismatch.")
        pkce.check(code.challenge, request.parameters.get("code_verifier"))
        return UserDecision(code.authorization)
