"""The one place that signs tokens and reads our own back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from entryway.idp.oidc import claims
from entryway.idp.oidc.claims import Occasion, Person
from entryway.oauth import tokens
from entryway.oauth.errors import InvalidGrant, InvalidRequest, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.corporate.links import ProviderLinks
    from entryway.idp.oidc.authorizations import Authorization, Authorizations
    from entryway.idp.oidc.claims import Target
    from entryway.idp.settings import IdpSettings
    from entryway.idp.signing_keys import SigningKeys
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.store import Users
    from entryway.storage.moments import Clock

OPENID = "openid"


@dataclass(frozen=True, slots=True)
class OwnToken:
    """One of our tokens, verified; `person` is None for an application's own token."""

    claims: Mapping[str, Any]
    person: Person | None

    @property
    def is_access_token(self) -> bool:
        return "scope" in self.claims


@dataclass(frozen=True, slots=True)
class Issuer:
    """Issues and reads tokens."""

    settings: IdpSettings
    keys: SigningKeys
    applications: Applications
    users: Users
    groups: Groups
    authorizations: Authorizations
    links: ProviderLinks
    clock: Clock

    async def for_application(
        self, application: Application, target: Target, thumbprint: str | None = None
    ) -> dict[str, Any]:
        """Return the token response for an application's own token, bound to the certificate that proved it."""
        occasion = self._occasion(application)
        body = claims.of_application(self.settings.public_url, application, target, occasion)
        return self._response(application, await self.sign({**body, **_confirmation(thumbprint)}))

    async def for_user(
        self,
        application: Application,
        authorization: Authorization,
        target: Target,
        refresh_lifetime: timedelta,
        thumbprint: str | None = None,
    ) -> dict[str, Any]:
        """Return the token response for a user; without a life for it, no refresh token is made."""
        person = await self.person(authorization.user_id, authorization.provider_id)
        if person is None:
            raise InvalidGrant("The user may not log in any more", "the user is gone, locked or not active")
        body = claims.of_user(
            issuer=self.settings.public_url,
            application=application,
            person=person,
            authorization=authorization,
            target=target,
            occasion=self._occasion(application),
        )
        access_token = await self.sign({**claims.access_of_user(body, authorization), **_confirmation(thumbprint)})
        response = self._response(application, access_token)
        if OPENID in authorization.scopes:
            response["id_token"] = await self.sign(claims.id_token(body, authorization.nonce, access_token))
        lifetime = timedelta(seconds=application.settings.access_seconds)
        refresh_token = await self.authorizations.keep(authorization, refresh_lifetime, lifetime)
        if refresh_token is not None:
            response["refresh_token"] = refresh_token
        return response

    async def person(self, user_id: str, provider_id: str | None = None) -> Person | None:
        """Return a user with their groups and what their company's provider says; None for one who may not log in."""
        user = await self.users.find(user_id)
        if user is None or not user.may_log_in:
            return None
        groups = await self.groups.names_of(user_id)
        return Person(user, groups, await self.links.passed_on(user_id, provider_id))

    async def read(self, token: str) -> OwnToken:
        """Return one of our tokens if it holds: signature, expiry, application, user and authorization."""
        ring = await self.keys.ring()
        body = tokens.verify(token, ring.verifying, self.settings.public_url, self.clock())
        client_id = body.get("azp")
        if "events" in body or not isinstance(client_id, str) or await self.applications.find(client_id) is None:
            raise InvalidToken(detail="a logout token, or a token of an application that is gone")
        if body.get("sap_id_type") == "app":
            return OwnToken(body, None)
        provider_id = None
        if "authorization" in body:
            authorization = await self.authorizations.find(str(body["authorization"]))
            if authorization is None:
                raise InvalidToken(detail="the authorization has ended")
            provider_id = authorization.provider_id
        person = await self.person(str(body.get("user_uuid")), provider_id)
        if person is None:
            raise InvalidToken(detail="the user is gone, locked or not active")
        return OwnToken(body, person)

    async def sign(self, body: Mapping[str, Any]) -> str:
        """Return a signed token."""
        ring = await self.keys.ring()
        token = tokens.sign(body, ring.active, f"{self.settings.public_url}/oauth2/certs")
        if len(token) > tokens.LONGEST:
            # No server would accept it in a header, and the application could not tell why.
            raise InvalidRequest("The token would be larger than 16 KB; the user is in too many groups")
        return token

    def _occasion(self, application: Application) -> Occasion:
        now = self.clock()
        return Occasion(str(uuid.uuid4()), now, now + timedelta(seconds=application.settings.access_seconds))

    def _response(self, application: Application, access_token: str) -> dict[str, Any]:
        seconds = application.settings.access_seconds
        return {"access_token": access_token, "token_type": "Bearer", "expires_in": seconds}


def _confirmation(thumbprint: str | None) -> dict[str, Any]:
    return {} if thumbprint is None else {"cnf": {"x5t#S256": thumbprint}}
