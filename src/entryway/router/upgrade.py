"""A request to switch protocols, from its arrival until the engine has both connections to tie together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.config.xs_app_model import ToFolder
from entryway.errors import EntrywayError
from entryway.http import Headers, Request, Response
from entryway.router import websockets
from entryway.router.address import address_of
from entryway.router.errors import MethodNotAllowed
from entryway.router.hooks import ask
from entryway.router.paths import check_path
from entryway.router.returned import end_to_end

if TYPE_CHECKING:
    from entryway.router.notes import Notes
    from entryway.router.router import Router


async def answer_upgrade(router: Router, request: Request, notes: Notes) -> Response:
    """Answer a request to switch protocols; whoever is refused has no use for the connection."""
    request.keep_alive = False
    if request.upgrade != "websocket" or request.method != "GET":
        # RFC 6455 §4.1: other methods have checks of their own, which this way would pass by.
        return websockets.plain(400, "Bad Request", "upgrade_unknown")
    try:
        router.surface.check_transport(request)
        check_path(request.target)
        before_login = router.hooks.before_login
        if before_login is not None and (answer := await ask(before_login, request)) is not None:
            return answer
        router.sockets.check(request, address_of(request))
        session = notes.session = await router.load_session(request)
        match = await router.admit(request, session, notes)
        goal = match.served.route.goal
        if isinstance(goal, ToFolder) or goal.name in router.services:
            raise MethodNotAllowed("GET", "web sockets go to destinations and services of others only")
        response, _, _ = await router.exchange.send(request, match, goal, session, notes)
    except EntrywayError as error:
        notes.error = error
        return websockets.refusal(error)
    if notes.hooked:
        return response
    if response.upgrade is None:
        response.abandon()
        return websockets.refused_by_backend(response.status)
    raw, _ = end_to_end(response)
    response.headers = Headers.trusted(raw)
    return response
