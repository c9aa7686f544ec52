"""`token-exchange` (RFC 8693): another way to spell the exchange of a user's token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from entryway.oauth.errors import InvalidRequest, InvalidTarget

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.grants.grant import TokenRequest, UserDecision
    from entryway.authserver.grants.jwt_bearer import JwtBearer

_TYPES = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN = f"{_TYPES}access_token"
_SUBJECTS = frozenset({ACCESS_TOKEN, f"{_TYPES}jwt", f"{_TYPES}id_token"})
_RESULTS = frozenset({ACCESS_TOKEN, f"{_TYPES}jwt"})


@dataclass(frozen=True, slots=True)
class TokenExchange:
    """The token goes to the client that asks, as with `jwt-bearer`; acting for somebody else is refused."""

    jwt_bearer: JwtBearer

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether the subject token may be exchanged."""
        parameters = request.parameters
        if request.required("subject_token_type") not in _SUBJECTS:
            raise InvalidRequest("Unsupported subject_token_type")
        if parameters.get("requested_token_type", ACCESS_TOKEN) not in _RESULTS:
            raise InvalidRequest("Unsupported requested_token_type")
        if "actor_token" in parameters or "actor_token_type" in parameters:
            raise InvalidRequest("The parameter actor_token is not supported")
        if "resource" in parameters or parameters.get("audience", client.id) not in {client.id, client.xsappname}:
            # RFC 8693 §2.2.2
            raise InvalidTarget("The token can be for the client that asks, and for nobody else")
        decision = await self.jwt_bearer.exchange(request, client, request.required("subject_token"))
        return replace(decision, told={"issued_token_type": ACCESS_TOKEN})
