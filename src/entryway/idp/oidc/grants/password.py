"""`password` (RFC 6749 §4.3): for applications that have no browser to send the user to, where it is switched on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.login.attempt import CODE, PASSWORD
from entryway.idp.oidc.authorizations import Authorization, new_authorization_id
from entryway.idp.oidc.grants.grant import UserDecision
from entryway.oauth.errors import BadCredentials, InvalidGrant

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.corporate.whereabouts import Whereabouts
    from entryway.idp.factors.second_factors import SecondFactors
    from entryway.idp.login.requirements import Requirements
    from entryway.idp.oidc.grants.grant import TokenRequest
    from entryway.idp.users.authentication import Authentication
    from entryway.storage.moments import Clock
    from entryway.web.tries import Tries

# Where there is no page to ask for it, the code follows the password.
_WITH_CODE = re.compile(r".+[0-9]{6}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Password:
    """The same check, the same answer and the same lockout as on the login page."""

    authentication: Authentication
    requirements: Requirements
    second_factors: SecondFactors
    whereabouts: Whereabouts
    tries: Tries
    clock: Clock

    async def authorize(self, request: TokenRequest, application: Application) -> UserDecision:
        """Decide whether name and password are right, and enough."""
        name, password = request.required("username"), request.required("password")
        password, code = await self._parted(name, password, application)
        try:
            with self.tries.counted("", application.id):
                user = await self.authentication.check(name, password)
        except BadCredentials as error:
            raise InvalidGrant("User name or password is not right", error.detail) from error
        if not await self.whereabouts.take_password(application, user):
            raise InvalidGrant("The user must log in in a browser", "a company's provider is responsible for the user")
        needs = await self.requirements.of(user, application)
        if code is not None and not await self.second_factors.shown(user, code):
            raise InvalidGrant("User name or password is not right", "the code is not right")
        if needs.new_password or (needs.second_factor and code is None):
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
                methods=(PASSWORD, CODE) if code is not None else (PASSWORD,),
                app_tid=request.app_tid,
            )
        )

    async def _parted(self, name: str, password: str, application: Application) -> tuple[str, str | None]:
        """Return the password, and the code of an authenticator app that follows it where one is needed."""
        user = await self.authentication.users.find_by_login(name)
        if user is None or not _WITH_CODE.fullmatch(password):
            return password, None
        needs = await self.requirements.of(user, application)
        return (password[:-6], password[-6:]) if needs.second_factor and needs.enrolled else (password, None)
