"""Ends tokens before their time: one of a client's own (RFC 7009), or all of a user or a client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, update
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.authserver import edge, tables
from entryway.authserver.digests import random_text
from entryway.authserver.ended import LONGEST_LIFETIME, Ended, pair_of
from entryway.authserver.stored_tokens import is_opaque
from entryway.errors import NotFound
from entryway.oauth.errors import InsufficientScope, InvalidRequest, InvalidToken
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.bearer import Bearer
    from entryway.authserver.client import Client
    from entryway.authserver.client_authentication import ClientAuthentication
    from entryway.authserver.moments import Clock
    from entryway.authserver.own_tokens import OwnToken, OwnTokens
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signed_refresh_tokens import SignedRefreshTokens
    from entryway.authserver.stored_tokens import StoredToken, StoredTokens
    from entryway.authserver.users import Users
    from entryway.authserver.zones import Zone, Zones
    from entryway.storage import Database

log = get_logger(__name__)

PLATFORM = "entryway.platform"
ADMIN = "uaa.admin"
REVOKE = "tokens.revoke"
LIST = "tokens.list"


class NothingToRevoke(NotFound):
    """No such user, client or token in this tenant."""

    code = "nothing_to_revoke"
    title = "There is no such user, client or token"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What ends when; used by the endpoints, and by whoever changes users and clients."""

    database: Database
    users: Users
    clock: Clock

    async def of_user(self, zid: str, user_id: str, client_id: str | None = None) -> None:
        """End every token of a user, or of a user at one client."""
        if await self.users.find(zid, user_id) is None:
            raise NothingToRevoke(user_id)
        authorization, opaque = tables.Authorization, tables.OpaqueTokenRow
        open_ones = update(authorization).where(
            authorization.zid == zid, authorization.user_id == user_id, authorization.revoked_at.is_(None)
        )
        stored = delete(opaque).where(opaque.zid == zid, opaque.user_id == user_id)
        if client_id is not None:
            open_ones = open_ones.where(authorization.client_id == client_id)
            stored = stored.where(opaque.client_id == client_id)
        async with self.database.transaction() as session:
            await session.execute(open_ones.values(revoked_at=self.clock()))
            await session.execute(stored)
            if client_id is not None:
                now = self.clock()
                await Ended.add(session, zid, pair_of(user_id, client_id), now + LONGEST_LIFETIME, before=now)
            else:
                table = tables.User
                mine = update(table).where(table.zid == zid, table.id == user_id)
                await session.execute(mine.values(token_salt=random_text()))

    async def of_client(self, zid: str, client_id: str) -> None:
        """End every token of a client, its own and those for users."""
        authorization, opaque, client = tables.Authorization, tables.OpaqueTokenRow, tables.ClientRow
        async with self.database.transaction() as session:
            mine = update(client).where(client.zid == zid, client.client_id == client_id)
            salted = await session.execute(mine.values(token_salt=random_text()).returning(client.client_id))
            if salted.first() is None:
                raise NothingToRevoke(client_id)
            open_ones = update(authorization).where(
                authorization.zid == zid, authorization.client_id == client_id, authorization.revoked_at.is_(None)
            )
            await session.execute(open_ones.values(revoked_at=self.clock()))
            await session.execute(delete(opaque).where(opaque.zid == zid, opaque.client_id == client_id))


@dataclass(frozen=True, slots=True)
class RevocationEndpoints:
    """Clients end their own tokens; administrators end anybody's; users end theirs."""

    settings: AuthServerSettings
    zones: Zones
    authentication: ClientAuthentication
    bearer: Bearer
    own_tokens: OwnTokens
    stored: StoredTokens
    authorizations: Authorizations
    signed: SignedRefreshTokens
    revocation: Revocation

    def routes(self) -> Sequence[Route]:
        """Return the routes of revocation and of the lists of tokens."""
        of = "/oauth/token/revoke"
        listed = "/oauth/token/list"
        ending = ["GET", "DELETE"]
        return [
            Route("/oauth/revoke", self.revoke, methods=["POST"]),
            Route("/revoke", self.revoke, methods=["POST"]),
            Route(f"{of}/user/{{user_id}}/client/{{client_id:path}}", self.revoke_of_user_at_client, methods=ending),
            Route(f"{of}/user/{{user_id}}", self.revoke_of_user, methods=ending),
            Route(f"{of}/client/{{client_id:path}}", self.revoke_of_client, methods=ending),
            Route(f"{of}/{{token_id}}", self.revoke_by_id, methods=ending),
            Route(f"{listed}/user/{{user_id}}", self.list_of_user, methods=["GET"]),
            Route(f"{listed}/client/{{client_id:path}}", self.list_of_client, methods=["GET"]),
            Route(listed, self.list_own, methods=["GET"]),
        ]

    async def revoke(self, request: Request) -> Response:
        """End one token of the client that asks; the answer is the same when there is no such token (RFC 7009 §2.2)."""
        parameters = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, parameters)
        client = (await self.authentication.authenticate(request, zone, parameters)).client
        token = parameters.get("token")
        if not token:
            raise InvalidRequest("Missing parameter: token")
        await self._revoke(zone, client, token)
        return JSONResponse({})  # clients may ignore it, and some take nothing but JSON

    async def revoke_of_user(self, request: Request) -> Response:
        """End every token of a user."""
        user_id: str = request.path_params["user_id"]
        zone, own = await self._caller(request)
        _permit(own, REVOKE, of_user=user_id)
        await self.revocation.of_user(zone.id, user_id)
        log.info("tokens_revoked", user_id=user_id)
        return Response(status_code=200)

    async def revoke_of_client(self, request: Request) -> Response:
        """End every token of a client."""
        client_id: str = request.path_params["client_id"]
        zone, own = await self._caller(request)
        _permit(own, REVOKE, of_client=client_id)
        await self.revocation.of_client(zone.id, client_id)
        log.info("tokens_revoked", client_id=client_id)
        return Response(status_code=200)

    async def revoke_of_user_at_client(self, request: Request) -> Response:
        """End every token that a client has for a user."""
        user_id, client_id = request.path_params["user_id"], request.path_params["client_id"]
        zone, own = await self._caller(request)
        _permit(own, REVOKE, of_user=user_id)
        await self.revocation.of_user(zone.id, user_id, client_id)
        log.info("tokens_revoked", user_id=user_id, client_id=client_id)
        return Response(status_code=200)

    async def revoke_by_id(self, request: Request) -> Response:
        """End one token by its id: the caller's own token, or one of a list."""
        token_id: str = request.path_params["token_id"]
        zone, own = await self._caller(request)
        if own.claims["jti"] == token_id:
            await self._end(zone, own, token_id)
            return Response(status_code=200)
        _permit(own, REVOKE)
        if not await self.stored.revoke_listed(zone.id, token_id):
            raise NothingToRevoke(token_id)
        return Response(status_code=200)

    async def list_own(self, request: Request) -> Response:
        """List the opaque tokens of the caller: a user's, or a client's own."""
        zone, own = await self._caller(request)
        if own.user is not None:
            return _listed(await self.stored.listed(zone.id, user_id=own.user.id))
        return _listed(await self.stored.listed(zone.id, client_id=own.client.id))

    async def list_of_user(self, request: Request) -> Response:
        """List the opaque tokens of a user."""
        user_id: str = request.path_params["user_id"]
        zone, own = await self._caller(request)
        _permit(own, LIST, of_user=user_id)
        return _listed(await self.stored.listed(zone.id, user_id=user_id))

    async def list_of_client(self, request: Request) -> Response:
        """List the opaque tokens of a client."""
        client_id: str = request.path_params["client_id"]
        zone, own = await self._caller(request)
        _permit(own, LIST, of_client=client_id)
        return _listed(await self.stored.listed(zone.id, client_id=client_id))

    async def _caller(self, request: Request) -> tuple[Zone, OwnToken]:
        await edge.read_body(request)
        return await self.bearer.require(request)

    async def _revoke(self, zone: Zone, client: Client, token: str) -> None:
        authorization = await self.authorizations.find_by_refresh_token(zone.id, await self._stored(zone, token))
        if authorization is not None:
            if authorization.client_id == client.id:
                await self.authorizations.revoke(authorization)
                log.info("refresh_token_revoked", client_id=client.id, user_id=authorization.user_id)
            return
        try:
            own = await self.own_tokens.read(zone, token)
        except InvalidToken:
            return
        if own.client.id == client.id:
            await self._end(zone, own, token)
            log.info("access_token_revoked", client_id=client.id)

    async def _stored(self, zone: Zone, token: str) -> str:
        try:
            return await self.signed.stored(zone, token)
        except InvalidToken:
            return token  # perhaps an access token

    async def _end(self, zone: Zone, own: OwnToken, token: str) -> None:
        if is_opaque(token) and own.claims.get("revocable"):
            await self.stored.revoke_opaque(zone.id, token)
        else:
            await self.stored.revoke_signed(zone.id, own.claims)


def _permit(own: OwnToken, scope: str, *, of_user: str = "", of_client: str = "") -> None:
    """Return if the token's holder may do this: with the scope, or about themselves."""
    if not own.scopes.isdisjoint({PLATFORM, ADMIN, scope}):
        return
    if own.user.id == of_user if own.user is not None else own.client.id == of_client:
        return
    raise InsufficientScope(detail=f"the token of {own.client.id} lacks {scope}")


def _listed(tokens: Sequence[StoredToken]) -> Response:
    return JSONResponse([_described(token.id, token.claims) for token in tokens])


def _described(token_id: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tokenId": token_id,
        "clientId": claims["cid"],
        "userId": claims.get("user_id"),
        "format": "OPAQUE",
        "responseType": "ACCESS_TOKEN",
        "issuedAt": claims["iat"] * 1000,
        "expiresAt": claims["exp"] * 1000,
        "scope": " ".join(claims["scope"]),
        "zoneId": claims["zid"],
    }
