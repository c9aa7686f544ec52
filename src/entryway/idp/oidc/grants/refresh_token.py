"""`refresh_token` (RFC 6749 §6): new tokens for a login that goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from entryway.idp.oidc.grants.grant import UserDecision
from entryway.oauth import scopes
from entryway.oauth.errors import InvalidGrant

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.authorizations import Authorizations
    from entryway.idp.oidc.grants.grant import TokenRequest


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A public client's token works once; others keep theirs, since routers refresh from several processes."""

    authorizations: Authorizations

    async def authorize(self, request: TokenRequest, application: Application) -> UserDecision:
        """Decide whether the token may be refreshed."""
        token = request.required("refresh_token")
        authorization, until = await self.authorizations.find_refreshable(token)
        if authorization.application_id != application.id:
            raise InvalidGrant("Invalid refresh token", "the refresh token is another application's")
        narrowed = scopes.narrow(authorization.scopes, request.scopes)
        if application.settings.public:
            await self.authorizations.use_up(token)
        # An id token of a refresh has no nonce: it answers no request of a browser.
        return UserDecision(
            replace(authorization, scopes=narrowed, nonce=None),
            refreshable=application.settings.public,
            refresh_until=until,
        )
