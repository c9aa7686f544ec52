"""Logging out: the session ends here first, then the browser goes to the authorization server to end it there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

from entryway.config.xs_app_model import BackendLogout, Logout
from entryway.errors import EntrywayError
from entryway.http import Client, Headers, OutgoingRequest, Request, Response
from entryway.router import audit, csrf
from entryway.router.address import Address, address_of
from entryway.router.authority import Authorities
from entryway.router.backends import Backend, Backends
from entryway.router.cookies import CookieRules
from entryway.router.errors import MethodNotAllowed
from entryway.router.forward import Forwarding
from entryway.router.identifiers import new_uuid
from entryway.router.login_page import NO_STORE
from entryway.router.queries import read_query
from entryway.router.sessions import Login, Session, SessionStore
from entryway.telemetry import get_logger

log = get_logger("router.logout")

CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SignOut:
    """How users leave one application."""

    rules: Logout
    authorities: Authorities
    cookies: CookieRules
    sessions: SessionStore
    told: BackendsTold

    def is_endpoint(self, path: str) -> bool:
        return self.rules.endpoint is not None and path == self.rules.endpoint

    async def handle(self, request: Request, session: Session | None, *, below: str = "") -> Response:
        """End the session and say where to go next: by a redirect, or in the body of an answer to POST.

        The page to show lies `below` this path, that of an application in the repository.
        """
        method = self.rules.method
        if session is not None and not session.browser:
            session = None  # a service that brings its token with each call has no session to end
        if method == "POST" and csrf.is_fetch(request) and session is not None:
            return Response(200, Headers([(csrf.HEADER, session.csrf_token), (b"cache-control", NO_STORE)]))
        if request.method != method:
            raise MethodNotAllowed(method, "the logout endpoint")
        if method == "POST" and self.rules.csrf:
            csrf.check_token(request, session)
        if session is not None:
            await self.sessions.drop(session)
            self.told.schedule(session, request)
            audit.logged_out(session, "logout", request)
        gone = self.cookies.session_gone(request.headers)
        headers = [(b"set-cookie", gone.encode("latin-1")), (b"cache-control", NO_STORE)]
        if skips_redirect(request.target):
            return Response(200, Headers(headers))
        url = self._next(request, None if session is None else session.login, below)
        if method == "POST":
            return Response(200, Headers([*headers, (b"content-type", b"text/plain; charset=utf-8")]), url.encode())
        return Response(302, Headers([*headers, (b"location", url.encode("latin-1"))]))

    def _next(self, request: Request, login: Login | None, below: str) -> str:
        query, address = request.target.partition("?")[2], address_of(request)
        page = None if self.rules.page is None else page_url(self.rules.page, address, query, below)
        authority = self.authorities.at(request).of_login(login)
        if authority is None:
            # Nobody logs in here, so there is nobody else to tell.
            return page or page_url("/", address, query, address.prefix + below)
        return authority.logout_url(page, login)


def page_url(page: str, address: Address, query: str, below: str = "") -> str:
    """Return the absolute URL of the page to show after a logout, with the query of the logout request."""
    page = quote(page, safe="/%?#[]@!$&'()*+,;=:-._~|")
    absolute = page if "://" in page else f"{address.origin}{below}/{page.lstrip('/')}"
    if not query:
        return absolute
    return f"{absolute}{'&' if '?' in absolute else '?'}{query}"


def skips_redirect(target: str) -> bool:
    """Tell whether the caller wants no redirect; `skip-redirect=false` means what it says."""
    values = read_query(target).get("skip-redirect")
    return values is not None and values[0].lower() != "false"


@dataclass(frozen=True, slots=True)
class Call:
    """Whom to tell of a logout, and how."""

    name: str
    logout: BackendLogout
    find: Callable[[], Awaitable[Backend]]
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class BackendsTold:
    """Tells backends that a session has ended, each at the path that it asked for."""

    logouts: Mapping[str, BackendLogout]
    backends: Backends
    forwarding: Forwarding
    client: Client
    services: Mapping[str, BackendLogout] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def schedule(self, session: Session, request: Request | None) -> None:
        """Call the backends, in the background; only for sessions of users."""
        if session.login is None:
            return
        tenant = self.forwarding.tenant_of(session)
        for name, logout in self.logouts.items():
            self._begin(
                Call(name, logout, partial(self.backends.named, name, session, new_uuid(), tenant=tenant)),
                session,
                request,
            )
        host = () if request is None else ((b"x-approuter-host", address_of(request).host.encode("latin-1")),)
        for name, logout in self.services.items():
            find = partial(self.backends.service_named, name, logout.endpoint, session, tenant)
            self._begin(Call(name, logout, find, host), session, request)

    def _begin(self, call: Call, session: Session, request: Request | None) -> None:
        task = asyncio.get_running_loop().create_task(self._tell(call, session, request))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _tell(self, call: Call, session: Session, request: Request | None) -> None:
        name = call.name
        try:
            async with asyncio.timeout(CALL_SECONDS):
                backend = await call.find()
                response = await self.client.send(self._request(backend, call, session, request))
                if not isinstance(response.body, bytes):
                    response.body.abandon()
            log.info("backend_logout", destination=name, status=response.status)
        except (EntrywayError, TimeoutError) as error:
            # The user is logged out all the same; a backend that cannot be told ends its session by itself.
            log.warning("backend_logout_failed", destination=name, reason=str(error) or type(error).__name__)

    def _request(self, backend: Backend, call: Call, session: Session, request: Request | None) -> OutgoingRequest:
        path = "/" + call.logout.path.lstrip("/")
        target = backend.target(path)
        headers = self.forwarding.background_headers(backend, session, target, request, new_uuid().encode())
        for name, value in call.headers:
            headers.add(name, value)
        return OutgoingRequest(call.logout.method, target, backend.origin, headers, timeouts=backend.timeouts)

    async def close(self) -> None:
        """Give the calls that are under way a moment, then stop them."""
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=2)
            for task in late:
                task.cancel()
