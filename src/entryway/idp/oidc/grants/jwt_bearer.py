"""`jwt-bearer` (RFC 7523): a user's token exchanged for another one, for the application itself or a dependency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.idp.oidc.authorizations import Authorization, new_authorization_id
from entryway.idp.oidc.grants.grant import UserDecision
from entryway.oauth.errors import InvalidGrant, InvalidToken

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.grants.grant import TokenRequest
    from entryway.idp.oidc.issuer import Issuer


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """Whose token it is may exchange it: the application that it was issued to, or for."""

    issuer: Issuer

    async def authorize(self, request: TokenRequest, application: Application) -> UserDecision:
        """Decide whether the assertion is a user's token that this application may use."""
        try:
            own = await self.issuer.read(request.required("assertion"))
        except InvalidToken as error:
            raise InvalidGrant("The assertion is not valid", error.detail) from error  # RFC 7523 §3.1
        if own.person is None:
            raise InvalidGrant("The assertion names no user", "the assertion is an application's own token")
        if application.client_id not in (own.claims.get("aud"), own.claims.get("azp")):
            raise InvalidGrant("The assertion is for another application")
        tenant = own.claims.get("app_tid", "")
        if request.parameters.get("app_tid") and tenant and request.app_tid != tenant:
            raise InvalidGrant("The assertion is of another tenant")
        session = own.claims.get("sid")
        authorization = Authorization(
            id=new_authorization_id(),
            application_id=application.id,
            user_id=own.person.user.id,
            session_id=session if isinstance(session, str) else None,
            scopes=request.scopes | {"openid"},
            nonce=None,
            authenticated_at=datetime.fromtimestamp(own.claims["auth_time"], UTC),
            methods=tuple(own.claims["amr"]),
            provider_id=await self.issuer.authorizations.provider_of(session) if isinstance(session, str) else None,
            app_tid=tenant if application.serves(tenant) else application.app_tid,
        )
        return UserDecision(authorization)
