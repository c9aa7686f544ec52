"""The heart: one request from its arrival to its answer, in the order in which things happen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from entryway.config.xs_app_model import ToApplication, ToDestination, ToFolder
from entryway.errors import EntrywayError
from entryway.http import ClientGone, Request, Response
from entryway.http.subclassable import mypyc_attr
from entryway.router import access, audit, cors, csrf
from entryway.router.access_log import AccessLog
from entryway.router.back_channel import BackChannel
from entryway.router.basic import BasicLogin
from entryway.router.browser_sessions import BrowserSessions, keep_from_shared_caches
from entryway.router.built_in import Service
from entryway.router.compression import Compressor
from entryway.router.cookies import CookieRules, SessionCookie
from entryway.router.cors import Cors
from entryway.router.errors import LoginRequired, LoginUnavailable, MethodNotAllowed
from entryway.router.exchange import Exchange
from entryway.router.frame_ancestors import FrameAncestors
from entryway.router.hooks import Hooks, ask
from entryway.router.hosted_applications import Hosted, Repository, allow_caching
from entryway.router.identifiers import request_id_of
from entryway.router.logout import SignOut
from entryway.router.memory_sessions import MemorySessions
from entryway.router.meters import Meters
from entryway.router.notes import Notes
from entryway.router.own_endpoints import hosted_endpoint, own_endpoint
from entryway.router.paths import check_path
from entryway.router.refresh import Refresher
from entryway.router.respond import Responder
from entryway.router.returned import Additions
from entryway.router.routes import Match, MethodMismatch, Routes
from entryway.router.service_calls import ServiceCalls
from entryway.router.sessions import Session, SessionStore
from entryway.router.signin import SignIn
from entryway.router.static import Folder
from entryway.router.subscriptions import Subscriptions
from entryway.router.surface import Surface
from entryway.router.tenants import Tenants
from entryway.router.upgrade import answer_upgrade
from entryway.router.websockets import SocketRules
from entryway.telemetry import get_logger

log = get_logger("router")


@mypyc_attr(allow_interpreted_subclasses=True)
@dataclass(frozen=True, slots=True, eq=False)
class Router:
    """One application's router."""

    surface: Surface
    routes: Routes
    sessions: SessionStore
    browsers: BrowserSessions
    cookies: CookieRules
    session_cookie: SessionCookie
    signin: SignIn
    signout: SignOut
    back_channel: BackChannel | None
    basic: BasicLogin | None
    refresher: Refresher | None
    exchange: Exchange
    folders: Mapping[int, Folder]
    additions: Additions
    sockets: SocketRules
    cors: Cors
    compressor: Compressor
    frame_ancestors: FrameAncestors | None
    responder: Responder
    access_log: AccessLog
    meters: Meters | None
    hooks: Hooks
    services: Mapping[str, Service]
    repository: Repository | None
    tenants: Tenants | None
    subscriptions: Subscriptions | None
    service_calls: ServiceCalls | None

    async def __call__(self, request: Request) -> Response:
        """Answer a request, whatever happens on the way; note it in the access log."""
        began = time.perf_counter()
        request_id = request_id_of(request.headers)
        notes = Notes()
        try:
            if request.upgrade is None:
                response = await self.handle(request, notes)
            else:
                response = await answer_upgrade(self, request, notes)
        except EntrywayError as error:
            response = self.failed(request, error, request_id, notes)
        except Exception:
            log.exception("request_failed", request_id=request_id.decode("latin-1"))
            response = self.failed(request, EntrywayError(), request_id, notes)
        if request.upgrade is None:
            if notes.granted:
                cors.add(response.headers.raw, notes.granted)
            if self.frame_ancestors is not None:
                await self.frame_ancestors.add(request, response)
            if notes.hosted is not None:
                notes.hosted.application.add_headers(response.headers.raw)
            if self.additions.policy is not None and notes.backend and notes.error is None:
                self.additions.add_policy(response.headers.raw)
            self.additions.add(response.headers.raw, request_id)
            if notes.for_registry:
                response.headers = response.headers.without((b"x-frame-options",))
        self.note(request, response, request_id, notes, time.perf_counter() - began)
        return response

    async def handle(self, request: Request, notes: Notes) -> Response:
        """Answer an ordinary request."""
        self.surface.check_transport(request)
        check_path(request.target)
        if self.hooks.before_login is not None:
            request.headers.known = None  # the application's own code may change them
            if (answer := await ask(self.hooks.before_login, request)) is not None:
                return answer
        path = request.target.partition("?")[0]
        if self.cors.rules:
            granted = self.cors.check(request, path)
            if isinstance(granted, Response):
                return granted
            notes.granted = granted
        notes.for_registry = self.subscriptions is not None and self.subscriptions.is_endpoint(request, path)
        # A registry has no session, and may come by a host that is none of a tenant's.
        session = notes.session = None if notes.for_registry else await self.load_session(request)
        own = None
        if notes.for_registry or path in self.surface.own_paths:
            own = await own_endpoint(self, request, path, session)
        if own is None and self.repository is not None:
            own = await hosted_endpoint(self, request, session, notes)
        if own is not None:
            return own

        try:
            match = self.admitted(request, session, notes)
        except LoginRequired:
            if self.basic is not None and notes.served.login == "basic":
                return await self._with_password(self.basic, request, notes)
            return self.signin.challenge(request, notes.served)
        return await self._serve(request, match, session, notes)

    async def _with_password(self, basic: BasicLogin, request: Request, notes: Notes) -> Response:
        """Log in with what the request brings, and go on as if it had come with a session."""
        session = notes.session = await basic.log_in(request, notes.served)
        try:
            match = self.admitted(request, session, notes)
        except EntrywayError:
            await self.sessions.drop(session)  # nobody would learn of it
            raise
        response = await self._serve(request, match, session, notes)
        self.browsers.set_cookie(request, session, response.headers.raw)
        return response

    async def _serve(self, request: Request, match: Match, session: Session | None, notes: Notes) -> Response:
        """Answer a request that may do what it asks for."""
        goal = match.served.route.goal
        if isinstance(goal, ToFolder):
            response = self.folders[id(goal)].serve(request, match.target(), bare=match.bare)
        elif isinstance(goal, ToDestination) or goal.name not in self.services:
            response, session = await self.exchange.forward(request, match, goal, session, notes)
            notes.session = session
        else:
            login = None if session is None else session.login
            response = await self.services[goal.name](request, match.target(), login)
        if isinstance(goal, ToApplication):
            allow_caching(response, goal, notes.hosted)
        self.compressor.apply(request, response)
        if self.service_calls is not None and session is not None and not session.browser:
            self.service_calls.mark(response.headers.raw, session)
        if csrf.is_fetch(request) and (session is None or session.guarded):
            await self._add_csrf_token(request, response, match, session)
        return response

    async def admit(self, request: Request, session: Session | None, notes: Notes) -> Match:
        """Return the route that takes the request, once it is known which application has it."""
        self.check_tenant(request, session)
        await self.hosted(request, notes)
        return self.admitted(request, session, notes)

    def admitted(self, request: Request, session: Session | None, notes: Notes) -> Match:
        """Return the route that takes the request, or raise why this user may not do this: here and nowhere else."""
        self.check_tenant(request, session)
        if self.repository is not None and not notes.placed:
            raise RuntimeError("it is not known yet which application has the request")
        hosted = notes.hosted
        routes, url = (self.routes, request.target) if hosted is None else (hosted.application.routes, hosted.url)
        match = routes.match(request.method, url)
        allowed, match = (match.allowed, match.match) if isinstance(match, MethodMismatch) else (None, match)
        served = notes.served = match.served
        notes.route = served.label
        login = access.authenticate(served, session)
        access.authorize(served, request.method, login)
        csrf.check(served, request, session)
        if allowed is not None:
            raise MethodNotAllowed(allowed, served.label)
        return match

    def check_tenant(self, request: Request, session: Session | None) -> None:
        """Raise if the session's user belongs to another tenant than the one that is asked."""
        if self.tenants is not None and session is not None and session.login is not None:
            self.tenants.check(session.login, self._tenant(request))

    def _tenant(self, request: Request) -> str | None:
        return None if self.tenants is None else self.tenants.of(request)

    async def hosted(self, request: Request, notes: Notes) -> Hosted | None:
        """Return the application of the HTML5 repository that has the request, if one has."""
        if self.repository is not None and not notes.placed:
            notes.hosted, notes.placed = await self.repository.find(request.target, self._tenant(request)), True
        return notes.hosted

    async def load_session(self, request: Request) -> Session | None:
        """Return the session that the request's cookie names, with a token that is good for a while."""
        if self.tenants is not None and self.tenants.directory is not None:
            await self.tenants.directory.learn(self.tenants.of(request))
        value = self.session_cookie.value_in(request.headers, self.cookies.session_name)
        session = None
        if value is not None:
            sessions = self.sessions
            session = sessions.find(value) if isinstance(sessions, MemorySessions) else await sessions.load(value)
        if session is None:
            return None if self.service_calls is None else await self.service_calls.session(request)
        if self.refresher is not None and not self.refresher.is_at_rest(session):
            await self.refresher.keep_fresh(session)
            if session.ended:
                return None
        return session

    async def _add_csrf_token(
        self, request: Request, response: Response, match: Match, session: Session | None
    ) -> None:
        """Answer `x-csrf-token: fetch`, unless the backend has or the route wants none."""
        if not (match.served.csrf or match.served.public) or csrf.HEADER in response.headers:
            return
        if session is None:
            session = await self.browsers.begin_anonymous(request, response.headers.raw)
        response.headers.raw.append((csrf.HEADER, session.csrf_token))
        keep_from_shared_caches(response.headers.raw)

    def failed(self, request: Request, error: EntrywayError, request_id: bytes, notes: Notes) -> Response:
        """Answer a request that came to an error."""
        notes.error = error
        if error.status >= 500 and not isinstance(error, ClientGone | LoginUnavailable):
            log.warning("request_failed", code=error.code, reason=error.detail, request_id=request_id.decode("latin-1"))
        return self.responder.error(request, error, request_id.decode("latin-1"))

    def note(self, request: Request, response: Response, request_id: bytes, notes: Notes, seconds: float) -> None:
        """Write a request into the access log, count it, and tell the audit trail who was refused."""
        login = None if notes.session is None else notes.session.login
        error = notes.error
        self.access_log.write(
            request.method,
            request.target.partition("?")[0],
            response.status,
            seconds,
            request_id.decode("latin-1"),
            client=request.peer.host,
            told="" if login is None else login.told,
            route=notes.route,
            destination=notes.destination,
            backend=notes.backend,
            tokens=notes.tokens,
            error="" if error is None else f"{error.code}: {error.detail}",
        )
        if self.meters is not None:
            code = "" if error is None else error.code
            self.meters.request(notes.route, response.status, code, seconds, notes.backend, notes.tokens)
        if error is not None:
            audit.refused(request, error, notes.session, notes.route, request_id.decode("latin-1"))
