"""The token of the company's own identity provider, for backends that know users by it.

The identity service says in a user's token (claim `forward_corp_idp_token`) which of the company's tokens may be had
for it, and gives that one in exchange.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from entryway.clients.tokens import TokenSet
from entryway.router.authority import IAS, Authorities
from entryway.router.backends import Backend
from entryway.router.errors import ServiceTokenFailed
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.ias_authority import IasAuthority, IdentityService
from entryway.router.ias_token import CORPORATE_CLAIM
from entryway.router.sessions import Login, Session

HEADER = b"x-corporate-idp-token"
INTO_COMPANY = b"sap-connectivity-authentication"
RESOURCE = "urn:sap:identity:corporateidp"
PURPOSE = "identity provider of the company"


@dataclass(frozen=True, slots=True)
class CorporateTokens:
    """Adds the token for users of the identity service whose company has one."""

    authorities: Authorities
    tokens: ExchangedTokens

    async def add_to(self, backend: Backend, session: Session | None) -> Backend:
        """Return the backend with the token, if it is one that learns who the user is and the user has one."""
        login = None if session is None else session.login
        if session is None or login is None or login.authority != IAS or not backend.learns_user:
            return backend
        kind = login.claims.get(CORPORATE_CLAIM)
        authority = self.authorities.of_login(login)
        if kind is None or not isinstance(authority, IasAuthority):
            return backend
        token = (await self._token(authority.service, session, login, kind)).encode("latin-1")
        if not backend.on_premise:
            return _with(backend, HEADER, token)
        # In the company's network, who the user is stands in one place.
        return _with(backend, INTO_COMPANY, b"Bearer " + token)

    async def _token(self, service: IdentityService, session: Session, login: Login, kind: str) -> str:
        async def exchange() -> TokenSet:
            tokens = await service.exchange(login.access_token, resource=RESOURCE)
            token = tokens.id_token if kind == "id_token" else tokens.access_token
            if token is None:
                raise ServiceTokenFailed(PURPOSE, "the answer has no id_token, which the user's token names")
            return replace(tokens, access_token=token)

        return await self.tokens.get(session, login, PURPOSE, exchange)


def _with(backend: Backend, name: bytes, value: bytes) -> Backend:
    others = tuple(header for header in backend.headers if header[0] != name)
    return replace(backend, headers=(*others, (name, value)), replaced=backend.replaced | {name})
