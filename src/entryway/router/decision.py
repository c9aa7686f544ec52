"""The router as a decision endpoint: a proxy in front asks about each request, and carries the bytes itself.

The decision is the one that serving takes (`Router.admit`, `Exchange.address`), on a port of its own that only proxies
may reach, because its answer holds the user's token. `decision_dialects` knows how proxies ask and what they
understand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.config.xs_app_model import ToDestination
from entryway.errors import EntrywayError, Forbidden, NotFound
from entryway.http import Headers, Request, Response
from entryway.router import csrf
from entryway.router.backends import Backend
from entryway.router.decision_dialects import DIALECTS, Allowed, Dialect, ServedByRouter
from entryway.router.errors import LoginRequired
from entryway.router.exchange import wants_statistics
from entryway.router.hooks import Hooks
from entryway.router.identifiers import request_id_of
from entryway.router.login_start import login_start_for
from entryway.router.notes import Notes
from entryway.router.paths import check_path
from entryway.router.router import Router
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.router.deciding import Deciding

log = get_logger("router.decision")


class ProxyNotTrusted(Forbidden):
    """Somebody who is not one of the trusted proxies asks for a decision."""

    code = "proxy_not_trusted"


class DialectUnknown(NotFound):
    """No kind of proxy asks at this path."""

    code = "decision_path_unknown"


@dataclass(frozen=True, slots=True)
class DecisionEndpoint:
    """Answers proxies; `current` gives the router that serves now, which a reload replaces."""

    current: Callable[[], Router]

    async def __call__(self, request: Request) -> Response:
        """Decide about the request that a proxy describes, and answer in the proxy's words."""
        began = time.perf_counter()
        router = self.current()
        request_id = request_id_of(request.headers)
        notes = Notes()
        asked = request
        try:
            deciding = _deciding_for(router, request)
            dialect = _dialect(request)
            asked = dialect.question(request)
        except EntrywayError as error:
            # The proxy itself did something wrong: it gets the plain truth.
            response = router.failed(request, error, request_id, notes)
        else:
            response = await _answer(router, deciding, dialect, asked, notes, request_id)
        self.note(router, asked, response, request_id, notes, time.perf_counter() - began)
        return response

    def note(  # noqa: PLR0917 - values, not a bag
        self, router: Router, asked: Request, response: Response, request_id: bytes, notes: Notes, seconds: float
    ) -> None:
        """Write a decision where requests are written."""
        router.note(asked, response, request_id, notes, seconds)


async def _answer(  # noqa: PLR0917 - values, not a bag
    router: Router, deciding: Deciding, dialect: Dialect, asked: Request, notes: Notes, request_id: bytes
) -> Response:
    try:
        try:
            return dialect.allow(asked, await decide(router, deciding, asked, notes))
        except LoginRequired as required:
            if notes.served.login == "basic":
                raise ServedByRouter("the router takes user names and passwords itself") from None
            challenge = router.signin.challenge(asked, notes.served)
            if challenge.status == 401:
                return dialect.refuse(challenge, required)
            return dialect.send_to_login(login_start_for(asked.target))
    except EntrywayError as error:
        return dialect.refuse(router.failed(asked, error, request_id, notes), error)
    except Exception:
        log.exception("decision_failed", request_id=request_id.decode("latin-1"))
        unexpected = EntrywayError()
        return dialect.refuse(router.failed(asked, unexpected, request_id, notes), unexpected)


async def decide(router: Router, deciding: Deciding, asked: Request, notes: Notes) -> Allowed:
    """Return what goes upstream for a request that is allowed; raise why it is not, or why the router must serve it."""
    if router.hooks != Hooks():
        raise ServedByRouter("the application's own code has a say in every request")
    router.surface.check_transport(asked)
    check_path(asked.target)
    path = asked.target.partition("?")[0]
    granted = router.cors.check(asked, path)
    if isinstance(granted, Response) or path in deciding.own_paths:
        raise ServedByRouter("the router answers this itself")
    if router.subscriptions is not None and router.subscriptions.is_endpoint(asked, path):
        raise ServedByRouter("the router answers the registry itself")
    session = notes.session = await router.load_session(asked)
    match = await router.admit(asked, session, notes)
    if notes.hosted is not None:
        raise ServedByRouter("an application of the HTML5 repository has this, with paths of its own")
    goal = match.served.route.goal
    if not isinstance(goal, ToDestination):
        raise ServedByRouter("no backend is behind this route")
    if granted or csrf.is_fetch(asked) or wants_statistics(asked) or not (session is None or session.browser):
        raise ServedByRouter("the router adds to the answer")
    if router.exchange.backends.name(match, goal, asked.headers.text("host") or "") not in deciding.carried:
        raise ServedByRouter("the destination is one that the router reaches")
    backend, target, outgoing = await router.exchange.address(asked, match, goal, session)
    notes.destination = backend.name
    return Allowed(backend.name, _host(backend, outgoing), target, outgoing)


def _host(backend: Backend, outgoing: Headers) -> bytes:
    return outgoing.get(b"host") or backend.origin.authority


def _deciding_for(router: Router, request: Request) -> Deciding:
    deciding = router.surface.deciding
    if deciding is None or not deciding.trusts(request.peer):
        raise ProxyNotTrusted(f"{request.peer.host} is not one of the trusted proxies")
    return deciding


def _dialect(request: Request) -> Dialect:
    first = request.target[1:].partition("?")[0].partition("/")[0]
    dialect = DIALECTS.get(first)
    if dialect is None or not request.target.startswith("/"):
        raise DialectUnknown(f"known are {', '.join(DIALECTS)}")
    return dialect
