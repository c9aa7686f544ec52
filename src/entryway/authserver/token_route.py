"""The token endpoint in front of all other routes: it is asked more often than all of them together.

What Starlette does on the way to a route costs as much as a quarter of a token, and nothing of it is needed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request

from entryway.authserver.edge import path_of
from entryway.errors import EntrywayError
from entryway.web.measuring import note_route

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from entryway.authserver.respond import Responder
    from entryway.authserver.token_endpoint import TokenEndpoint

ROUTE = "/oauth/token"
PATHS = frozenset({ROUTE, f"{ROUTE}/"})
METHODS = frozenset({"GET", "POST"})


@dataclass(frozen=True, slots=True)
class TokenRoute:
    """Answers token requests; everything else, other methods among it, goes on to `app`."""

    app: ASGIApp
    endpoint: TokenEndpoint
    respond: Responder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope["type"] != "http" or scope["method"] not in METHODS:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        if path_of(request) not in PATHS:
            await self.app(scope, receive, send)
            return
        note_route(scope, ROUTE)
        try:
            response = await self.endpoint(request)
        except EntrywayError as error:
            response = await self.respond.on_error(request, error)
        except DBAPIError as error:
            response = await self.respond.on_database_error(request, error)
        await response(scope, receive, send)
