"""`user_token`: a client that holds a user's token obtains a refresh token for another client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.authserver.authorization import new_authorization
from entryway.authserver.grants.grant import HandOver
from entryway.oauth import scopes
from entryway.oauth.errors import InsufficientScope, InvalidClient, InvalidRequest

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.clients import Clients
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.own_tokens import OwnTokens


@dataclass(frozen=True, slots=True)
class UserToken:
    """The caller proves itself with the user's token; the receiver proves itself when it uses the refresh token."""

    own_tokens: OwnTokens
    clients: Clients

    async def authorize(self, request: TokenRequest, client: Client) -> HandOver:
        """Decide whether the user of the caller's token may be handed over to the client that is named."""
        own = await self.own_tokens.read(request.zone, request.bearer or "")
        if own.user is None or scopes.USER not in own.scopes or own.client.id != client.id:
            raise InsufficientScope(detail=f"the token of {client.id} has no user, or lacks {scopes.USER}")
        receiver = await self.clients.find(request.zone.id, request.required("client_id"))
        if receiver is None:
            raise InvalidRequest("The client_id names no client")
        if "refresh_token" not in receiver.grant_types:
            raise InvalidClient("Unauthorized grant type", "the receiver may not refresh tokens")
        authorization = new_authorization(
            zid=request.zone.id,
            client_id=receiver.id,
            user_id=own.user.id,
            grant_type=request.grant_type,
            authenticated_at=datetime.fromtimestamp(own.claims["auth_time"], UTC),
            requested_scopes=request.scopes,
            additional=request.additional,
        )
        return HandOver(own.user, authorization, receiver)
