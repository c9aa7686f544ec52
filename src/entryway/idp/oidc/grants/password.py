"""`password` (RFC 6749 §4.3): for applications that have no browser to send the user to, where it is switched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.oidc.authorizations import Authorization, new_authorization_id
from entryway.idp.oidc.grants.grant import UserDecision
from entryway.oauth.errors import BadCredentials, InvalidGrant

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.login.requirements import Requirements
    from entryway.idp.oidc.grants.grant import TokenRequest
    from entryway.idp.users.authentication import Authentication
    from entryway.storage.moments import Clock


@dataclass(frozen=True, slots=True)
class Password:
    """The same check, the same answer and the same lockout as on the login page."""

    authentication: Authentication
    requirements: Requirements
    clock: Clock

    async def authorize(self, request: TokenRequest, application: Application) -> UserDecision:
        """Decide whether name and password are right, and enough."""
        name, password = request.required("username"), request.required("password")
        try:
            user = await self.authentication.check(name, password)
        except BadCredentials as error:
            raise InvalidGrant("User name or password is not right", error.detail) from error
        needs = await self.requirements.of(user, application)
        if needs.new_password or needs.second_factor:
            # There is no page on which to ask for more; only the right password learns this.
            raise InvalidGrant("The user must log in in a browser", "a second factor or a new password is needed")
        return UserDecision(
            Authorization(
                id=new_authorization_id(),
                application_id=application.id,
                user_id=user.id,
                session_id=None,
                scopes=request.scopes | {"openid"},
                nonce=None,
                authenticated_at=self.clock(),
                methods=("pwd",),
                app_tid=request.app_tid,
            )
        )
