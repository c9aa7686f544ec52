"""Applications that sign who they are with a key of their own (`private_key_jwt`, RFC 7523 §2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.oauth import client_assertions
from entryway.oauth.errors import BadCredentials, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from entryway.clients.published_keys import PublishedKeys
    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.seen_assertions import SeenAssertions
    from entryway.idp.settings import IdpSettings
    from entryway.oauth.client_assertions import Key
    from entryway.storage.moments import Clock


@dataclass(frozen=True, slots=True)
class ClientAssertions:
    """Believes an assertion once, by keys in the application's settings or published where they say."""

    settings: IdpSettings
    applications: Applications
    keys: PublishedKeys
    seen: SeenAssertions
    clock: Clock

    async def check(self, request: Request, parameters: Mapping[str, str]) -> Application:
        """Return the application that signed the assertion of a request, or raise BadCredentials."""
        if parameters.get("client_assertion_type") != client_assertions.TYPE:
            raise InvalidRequest("Unsupported client_assertion_type")
        assertion = parameters.get("client_assertion", "")
        client_id, kid = client_assertions.claimed_client(assertion)
        if parameters.get("client_id", client_id) != client_id:
            raise InvalidRequest("Given client ID does not match authenticated client")
        application = await self.applications.find(client_id)
        if application is None:
            raise BadCredentials("Bad credentials", "the assertion is of an unknown client")
        # RFC 7523 §3 leaves open what names us; clients write the issuer, the token endpoint, or what they call.
        url = self.settings.public_url
        ours = (url, f"{url}/oauth2/token", f"{url}{request.url.path}")
        held = client_assertions.verify(assertion, await self._keys(application, kid), ours, self.clock())
        until = datetime.fromtimestamp(held.expires_at, UTC)
        if not await self.seen.is_first("client", application.id, held.id, until):
            raise BadCredentials("Bad credentials", "the assertion has been used already")
        return application

    async def _keys(self, application: Application, kid: str | None) -> Sequence[tuple[str | None, Key]]:
        settings = application.settings
        own = client_assertions.keys_of(settings.jwks)
        if settings.jwks_uri is None:
            return own
        return [*own, *await self.keys.at(settings.jwks_uri, kid)]
