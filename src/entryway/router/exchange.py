"""The exchange with a backend: where it is, what it is sent, and what becomes of its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from entryway.config.xs_app_model import ToApplication, ToDestination, ToService
from entryway.errors import EntrywayError
from entryway.http import Client, Headers, OutgoingRequest, Request, Response
from entryway.router.address import asked_host
from entryway.router.backend_cookies import parse_set_cookie
from entryway.router.backends import Backend, Backends
from entryway.router.browser_sessions import BrowserSessions
from entryway.router.forward import Forwarding
from entryway.router.hooks import Hooks, Outcome, Visit, ask
from entryway.router.identifiers import correlation_id
from entryway.router.known_forwarding import known_fields
from entryway.router.notes import Notes
from entryway.router.on_premise import check_proxy_answer
from entryway.router.returned import CookieSorter, end_to_end, remember
from entryway.router.routes import Match
from entryway.router.service_calls import ServiceCalls
from entryway.router.sessions import Session
from entryway.router.tenants import Tenants

BackendGoal: TypeAlias = ToDestination | ToService | ToApplication


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Asks the backends of one application, for requests that have been admitted."""

    backends: Backends
    tenants: Tenants | None
    forwarding: Forwarding
    client: Client
    hooks: Hooks
    cookie_sorter: CookieSorter
    browsers: BrowserSessions
    service_calls: ServiceCalls | None

    @property
    def writes_fields(self) -> bool:
        """Whether nobody looks at the headers between here and the wire, neither a hook nor a client that traces."""
        return self.hooks.before_backend is None and type(self.client) is Client

    async def forward(
        self,
        request: Request,
        match: Match,
        goal: BackendGoal,
        session: Session | None,
        notes: Notes,
    ) -> tuple[Response, Session | None]:
        """Return a backend's answer as the client may have it, and the session that the request has by then."""
        measured = wants_statistics(request)
        began = time.perf_counter() if measured else 0.0
        response, backend, target = await self.send(request, match, goal, session, notes)
        if measured:
            milliseconds = round((time.perf_counter() - began) * 1000)
            response.headers.raw.append(
                (b"sap-statistics-approuter", b"total=%d, ext=%d" % (milliseconds, milliseconds))
            )
        if self.hooks.after_backend is not None and not notes.hooked:
            response = await self._after_backend(self.hooks.after_backend, request, response, notes)
        if backend.on_premise and not notes.hooked:
            check_proxy_answer(request, response)
        raw, lines = end_to_end(response)
        if lines:
            session = await self._sort_cookies(request, match, session, backend, target, raw, lines)
        response.headers = Headers.trusted(raw)
        return response, session

    async def send(
        self,
        request: Request,
        match: Match,
        goal: BackendGoal,
        session: Session | None,
        notes: Notes,
    ) -> tuple[Response, Backend, str]:
        """Return the answer as it came, the backend that was asked, and the target with which it was."""
        began = time.perf_counter()
        backend = self.backends.fixed(goal)
        fields = None
        if backend is not None and self.writes_fields and request.headers.known is not None:
            correlation = correlation_id(request.headers)
            fields = known_fields(self.forwarding, request, backend, session, match.served, correlation)
        if backend is not None and fields is not None:
            target, outgoing = backend.target(match.target()), request.headers
        else:
            backend, target, outgoing = await self.address(request, match, goal, session)
        notes.destination = backend.name
        going = OutgoingRequest(
            request.method,
            target,
            backend.origin,
            outgoing,
            request.body,
            request.upgrade,
            backend.timeouts,
            request.send_interim,
        )
        going.fields = fields
        asked = time.perf_counter()
        notes.tokens = asked - began
        if self.hooks.before_backend is not None:
            answer = await ask(self.hooks.before_backend, going, notes.visit(request))
            if answer is not None:
                notes.hooked = True
                return answer, backend, target
            asked = time.perf_counter()
        try:
            response = await self.client.send(going)
        finally:
            notes.backend = time.perf_counter() - asked
        return response, backend, target

    async def address(
        self, request: Request, match: Match, goal: BackendGoal, session: Session | None
    ) -> tuple[Backend, str, Headers]:
        """Return the backend of an admitted request, and the target and the headers with which it is asked."""
        headers = request.headers
        correlation = correlation_id(headers)
        backend = self.backends.fixed(goal)
        if backend is None:
            host = asked_host(request, in_custom_header=self.backends.custom_host)
            correlated = correlation.decode("latin-1")
            tenant = None if self.tenants is None else self.tenants.of(request)
            backend = await self.backends.resolve(match, goal, host, session, correlated, tenant)
        target = backend.target(match.target())
        outgoing = self.forwarding.request_headers(
            request,
            backend,
            session,
            hide_csrf=match.served.csrf,
            public=match.served.public,
            correlation_id=correlation,
            target=target,
        )
        return backend, target, outgoing

    @staticmethod
    async def _after_backend(
        hook: Callable[[Response, Visit], Outcome],
        request: Request,
        response: Response,
        notes: Notes,
    ) -> Response:
        try:
            answer = await ask(hook, response, notes.visit(request))
        except EntrywayError:
            response.abandon()
            raise
        if answer is None or answer is response:
            return response
        if answer.body is not response.body:
            response.abandon()
        notes.hooked = True
        return answer

    async def _sort_cookies(  # noqa: PLR0917 - values, not a bag
        self,
        request: Request,
        match: Match,
        session: Session | None,
        backend: Backend,
        target: str,
        raw: list[tuple[bytes, bytes]],
        lines: list[bytes],
    ) -> Session | None:
        passes = match.served.route.set_backend_session_cookies
        cookies = [parse_set_cookie(line) for line in lines]
        kept = self.cookie_sorter.for_session(cookies, pass_session_cookies=passes)
        if kept and session is None:
            session = await self.browsers.begin_anonymous(request, raw)
        passed = self.cookie_sorter.for_browser(cookies, lines, pass_session_cookies=passes)
        raw += [(b"set-cookie", line) for line in passed]
        if session is not None:
            remember(session, backend, target, cookies, kept)
            if session.browser:
                await self.browsers.sessions.save(session)
            elif self.service_calls is not None:
                await self.service_calls.keep_cookies(raw, session)
        return session


def wants_statistics(request: Request) -> bool:
    """Tell whether the caller asks how long the backend took."""
    if "sap-statistics=true" in request.target:
        return True
    value = request.headers.get(b"sap-statistics")
    return value is not None and value.lower() == b"true"
