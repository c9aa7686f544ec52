"""Applications that the identity service lets this one call: `IASDependencyName` says which a destination is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from entryway.router.authority import IAS, Authorities
from entryway.router.backends import Backend
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.ias_authority import IasAuthority
from entryway.router.sessions import Login, Session

PROVIDER_NAME = "urn:sap:identity:application:provider:name:"


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Logs users of the identity service on to such applications."""

    authorities: Authorities
    tokens: ExchangedTokens

    async def log_on(self, backend: Backend, session: Session | None) -> Backend:
        """Return the backend with the token that is meant for it, for users whom the identity service knows."""
        login = None if session is None else session.login
        if session is None or login is None or backend.dependency is None or login.authority != IAS:
            return backend
        if b"authorization" in backend.replaced:
            return backend  # the destination has a logon of its own
        token = await self.token(session, login, backend.dependency)
        header = (b"authorization", f"Bearer {token}".encode("latin-1"))
        return replace(backend, headers=(*backend.headers, header), replaced=backend.replaced | {b"authorization"})

    async def token(self, session: Session, login: Login, dependency: str) -> str:
        """Return the user's token for the application behind a dependency."""
        authority = self.authorities.of_login(login)
        if not isinstance(authority, IasAuthority):
            return login.access_token  # nobody is bound any more who could exchange it
        exchange = partial(authority.service.exchange, login.access_token, f"{PROVIDER_NAME}{dependency}")
        return await self.tokens.get(session, login, f"identity dependency {dependency}", exchange)
