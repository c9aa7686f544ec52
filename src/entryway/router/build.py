"""Puts a router together: configuration in, running object out. The only file that names concrete classes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from entryway.clients.destinations import DestinationsClient
from entryway.clients.http import HttpClient, new_http
from entryway.clients.tls import load_client_certificate, outgoing_context, unverified_context
from entryway.config.xs_app import LoginKind, Route, ToFolder
from entryway.config.xs_app_document import CompressionDocument
from entryway.errors import EntrywayError
from entryway.http import Client, Limits, PoolLimits
from entryway.router import audit
from entryway.router.access_log import AccessLog
from entryway.router.address import trust_in
from entryway.router.authority import IAS, Authorities
from entryway.router.backends import Backend, Backends, OnPremiseBackend
from entryway.router.browser_sessions import BrowserSessions
from entryway.router.build_login import (
    ProvesItself,
    build_authorities,
    build_back_channel,
    build_basic,
    certified_contexts,
    own_tenant,
)
from entryway.router.build_services import (
    build_frame_ancestors,
    build_repository,
    build_service_calls,
    build_subscriptions,
    business_services,
    repository_files,
)
from entryway.router.build_traces import kinds_for, open_traces
from entryway.router.built_in import endpoint_routes
from entryway.router.built_in import services as services_of
from entryway.router.company_network import ClientToken, CompanyNetwork
from entryway.router.compression import Compressor
from entryway.router.configuration import RouterConfiguration
from entryway.router.cookie_seal import COOKIE as SEALED_COOKIES
from entryway.router.cookies import CookieRules, SessionCookie
from entryway.router.cors import build_cors
from entryway.router.deciding import deciding_of, own_paths
from entryway.router.dependencies import Dependencies
from entryway.router.destination_service import ServiceDestinations
from entryway.router.destination_stores import open_stores
from entryway.router.errors import TenantLookupFailed
from entryway.router.exchange import Exchange
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.forward import Forwarding
from entryway.router.hooks import Hooks
from entryway.router.login import UsedStates
from entryway.router.login_page import choose_policy
from entryway.router.logout import BackendsTold, SignOut
from entryway.router.meters import Meters
from entryway.router.origins import TlsContexts, backend_of_user, environment_backend
from entryway.router.refresh import Refresher
from entryway.router.replace import build_replacement
from entryway.router.respond import Responder, error_pages
from entryway.router.returned import CookieSorter, additions
from entryway.router.router import Router, Surface
from entryway.router.routes import Routes, serve_route
from entryway.router.service_timeouts import service_timeout
from entryway.router.session_length import session_minutes
from entryway.router.session_stores import open_sessions
from entryway.router.sessions import Session, SessionStore
from entryway.router.signin import LoginRules, SignIn
from entryway.router.static import Folder
from entryway.router.tenant_tokens import TenantTokens
from entryway.router.uaa import Uaa
from entryway.router.websockets import SocketRules
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.telemetry.traces import Traces

log = get_logger("router")

NO_HOOKS = Hooks()
DEFAULT_KEEP_ALIVE = 125.0
MOST_HEADERS = 200
REFRESH_SECONDS = 30.0
UNLIMITED = 7 * 24 * 3600.0  # what a setting of 0 means: no bound that anybody meets


@dataclass(slots=True, eq=False)
class Callers:
    """HTTP clients for what the router asks by itself: one, and one more for each binding with a certificate."""

    environ: Mapping[str, str] = field(repr=False)
    plain: HttpClient
    engine: Callable[[PoolLimits], Client]
    certified: list[HttpClient] = field(default_factory=list)

    def client_for(self, credentials: ProvesItself) -> HttpClient:
        """Return the client that can prove who we are with these credentials."""
        if credentials.secret is not None or credentials.certificate is None or credentials.key is None:
            return self.plain
        context = outgoing_context(self.environ)
        load_client_certificate(context, credentials.certificate, credentials.key.get_secret_value())
        self.certified.append(new_http(context, engine=self.engine))
        return self.certified[-1]

    async def close(self) -> None:
        """Close every connection."""
        for http in (self.plain, *self.certified):
            await http.aclose()


@dataclass(slots=True, eq=False)
class Application:
    """A router with everything that it holds open."""

    router: Router
    limits: Limits
    client: Client
    callers: Callers
    sessions: SessionStore
    told: BackendsTold
    own_tokens: Sequence[ClientToken]
    access_log: AccessLog
    learn_tenant: Callable[[], Awaitable[object]] | None = None
    """Asks for the subdomain of the application's own tenant, where only the platform's directory says it."""
    traces: Traces | None = None
    _warming: asyncio.Task[None] | None = field(default=None)

    def start(self, *, load_tokens: bool) -> None:
        """Fetch in the background what the first user need not wait for: own tokens, and the tenant's subdomain."""
        if load_tokens and (self.own_tokens or self.learn_tenant is not None):
            self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def close(self) -> None:
        """Release everything; requests have ended before."""
        await self._close_own()
        await self.sessions.close()
        if self.traces is not None:
            await asyncio.to_thread(self.traces.close)

    async def close_for(self, successor: Application) -> None:
        """Release everything that the successor has not taken over."""
        await self._close_own()
        if self.sessions is not successor.sessions:
            await self.sessions.close()

    async def finish_refreshing(self) -> None:
        """Let renewals that are under way come to their end: a refresh token may be good for one use only."""
        if self.router.refresher is not None and self.router.refresher.tasks:
            await asyncio.wait(self.router.refresher.tasks, timeout=REFRESH_SECONDS)

    async def _close_own(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        if self.router.refresher is not None:
            await self.router.refresher.close()
        await self.told.close()
        await self.client.close()
        await self.callers.close()
        self.access_log.flush()

    async def _warm(self) -> None:
        asking: list[Awaitable[object]] = [token.get() for token in self.own_tokens]
        if self.learn_tenant is not None:
            asking.append(self.learn_tenant())
        for result in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(result, TenantLookupFailed):
                log.warning("tenant_lookup_failed", reason=result.detail)
            elif isinstance(result, EntrywayError):
                log.warning("client_token_failed", reason=result.detail)


def build(
    configuration: RouterConfiguration,
    *,
    access_log: AccessLog | None = None,
    clock: Callable[[], float] = time.time,
    meters: Meters | None = None,
    hooks: Hooks = NO_HOOKS,
    former: Application | None = None,
) -> Application:
    """Return the application of a configuration; must be called where an event loop runs.

    It takes over sessions, logins that have begun, the log and the clock of a `former` one.
    """
    environment, xs_app, services = configuration.environment, configuration.xs_app, configuration.services
    verified = outgoing_context(configuration.environ)
    tls = TlsContexts(verified, unverified_context(), certified_contexts(configuration))
    traces = open_traces(configuration) if former is None else former.traces
    kinds = kinds_for(traces, log_requests=environment.trace_requests)
    client = kinds.backends(
        PoolLimits(connections_per_origin=environment.backend_max_sockets, reuse=environment.reuse_connections)
    )
    http = new_http(verified, engine=kinds.services)
    if former is not None:
        access_log, clock, hooks = former.access_log, former.router.browsers.clock, former.router.hooks
    access_log = access_log or AccessLog(sys.stdout.buffer)

    callers = Callers(configuration.environ, http, kinds.services)
    authorities = build_authorities(configuration, callers, clock)
    cookies = CookieRules(environment.session_cookie_name, environment.same_site, environment.partitioned)
    own_cookies = {cookies.session_name, cookies.state_name, SEALED_COOKIES}
    session_cookie = SessionCookie(own_cookies)
    minutes = session_minutes(environment, xs_app)
    taken_over = None if former is None else (former.sessions, former.router.browsers.maker)
    sessions, maker = open_sessions(configuration, minutes * 60, clock, taken_over)
    refresh_ahead = environment.jwt_refresh_minutes * 60 or None

    own_tokens: list[ClientToken] = []
    backends = _backends(configuration, authorities, tls, callers, own_tokens, clock)
    forwarding = Forwarding(
        session_cookie,
        services.uaa.identityzone.encode() if services.uaa is not None and services.uaa.identityzone else None,
        authorities.tenants,
    )
    told = BackendsTold(xs_app.backend_logouts, backends, forwarding, client, xs_app.service_logouts)
    signin = SignIn(
        authorities,
        LoginRules(
            callback_endpoint=xs_app.callback_endpoint,
            state=environment.state_protection and xs_app.state_protection,
            pkce=environment.pkce,
            preserve_fragment=environment.preserve_fragment,
            policy=choose_policy(extended=environment.extended_login_csp, omitted=environment.omit_login_csp),
            notice_endpoint=xs_app.logout.back_channel_endpoint,
            renews=refresh_ahead is not None,
        ),
        cookies,
        session_cookie,
        sessions,
        maker,
        clock,
        UsedStates() if former is None else former.router.signin.used_states,
    )
    refresher = None
    if authorities.by_kind:
        validity = environment.minimum_token_validity
        refresher = Refresher(authorities, sessions, clock, refresh_ahead, validity, window=minutes * 60)
    pages, redirects = error_pages(xs_app.error_pages)
    routes = _routes(configuration, authorities.default_kind)
    signout = SignOut(xs_app.logout, authorities, cookies, sessions, told)
    serve = partial(_serve, configuration, authorities.default_kind)
    hosted = build_repository(configuration, backends.repository, http, serve, signout, forwarding.tenant_id, clock)
    service_calls = build_service_calls(configuration, authorities, callers, sessions, verified, clock)
    browsers = BrowserSessions(sessions, maker, cookies, clock)
    exchange = Exchange(
        backends=backends,
        tenants=authorities.tenants,
        forwarding=forwarding,
        client=client,
        hooks=hooks,
        cookie_sorter=CookieSorter(frozenset(name.encode() for name in own_cookies)),
        browsers=browsers,
        service_calls=service_calls,
    )
    router = kinds.router(
        surface=Surface(
            xs_app.welcome_file,
            environment.secure_session_cookie,
            trust_in(environment.trusted_proxies),
            environment.trusted_proxies is None,
            environment.validate_forwarded_host,
            deciding_of(xs_app, environment),
            own_paths(xs_app),
        ),
        routes=routes,
        sessions=sessions,
        browsers=browsers,
        cookies=cookies,
        session_cookie=session_cookie,
        signin=signin,
        signout=signout,
        back_channel=build_back_channel(
            configuration, callers, sessions, told, clock, former=None if former is None else former.router.back_channel
        ),
        basic=build_basic(configuration, authorities, signin),
        refresher=refresher,
        exchange=exchange,
        folders=_folders(configuration, [served.route for served in routes.routes]),
        additions=additions(
            environment.http_headers,
            xs_app.response_headers,
            frame_options=environment.send_x_frame_options,
            merge_policies=environment.merge_csp,
        ),
        sockets=SocketRules(xs_app.websockets, environment.websocket_origins),
        cors=build_cors(xs_app.cors, environment.cors),
        compressor=Compressor(_compression(configuration)),
        frame_ancestors=build_frame_ancestors(configuration, authorities, http, clock),
        responder=Responder(configuration.development, environment.return_error_source, pages, redirects),
        access_log=access_log,
        meters=meters if former is None else former.router.meters,
        hooks=hooks,
        services=services_of(authorities, environment.plugins, environment.allowlist),
        repository=hosted,
        tenants=authorities.tenants,
        subscriptions=build_subscriptions(configuration, authorities.tenants, verified, clock),
        service_calls=service_calls,
    )
    application = Application(
        router, _limits(configuration), client, callers, sessions, told, own_tokens, access_log,
        own_tenant(authorities), traces,
    )  # fmt: skip
    # Last, when nothing can go wrong any more: until here a former application goes on unharmed.
    sessions.configure(minutes * 60, partial(_expired, told))
    return application


def _routes(configuration: RouterConfiguration, login: LoginKind) -> Routes:
    xs_app = configuration.xs_app
    endpoints = endpoint_routes(xs_app.plugin_metadata_endpoint, xs_app.allowlist_endpoint)
    return _serve(configuration, login, (*endpoints, *configuration.plugins, *xs_app.routes), xs_app.authentication)


def _serve(
    configuration: RouterConfiguration, login: LoginKind, routes: Sequence[Route], authentication: str
) -> Routes:
    uaa, choice = configuration.services.uaa, configuration.environment.dynamic_identity_provider
    xsappname = "$XSAPPNAME" if uaa is None else uaa.xsappname
    chosen = [_with_choice(route, choice=choice) for route in routes]
    return Routes([serve_route(route, login, authentication == "none", xsappname) for route in chosen])


def _with_choice(route: Route, *, choice: bool) -> Route:
    """Return a route that says itself whether its users choose their identity provider."""
    return replace(route, dynamic_identity_provider=choice) if route.dynamic_identity_provider is None else route


def _compression(configuration: RouterConfiguration) -> CompressionDocument:
    return configuration.environment.compression or configuration.xs_app.compression


def _folders(configuration: RouterConfiguration, routes: Sequence[Route]) -> dict[int, Folder]:
    folders = {}
    for goal in (route.goal for route in routes):
        if isinstance(goal, ToFolder):
            replacement = None
            if goal.replace is not None:
                replacement = build_replacement(goal.replace, configuration.environ, configuration.bindings)
            folders[id(goal)] = Folder(
                goal.path, goal.cache_control, replacement, precompressed=_compression(configuration).enabled
            )
    return folders


def _backends(  # noqa: PLR0917 - values, not a bag
    configuration: RouterConfiguration,
    authorities: Authorities,
    tls: TlsContexts,
    callers: Callers,
    own_tokens: list[ClientToken],
    clock: Callable[[], float],
) -> Backends:
    environment, services = configuration.environment, configuration.services
    company = None
    if services.connectivity is not None:
        asking = Uaa(callers.client_for(services.connectivity), services.connectivity)
        tokens = TenantTokens(asking, services.connectivity, clock)
        own_tokens.append(tokens.at())
        company = CompanyNetwork(services.connectivity, tokens.at)
    service = None
    if services.destination is not None:
        asking = Uaa(callers.client_for(services.destination), services.destination)
        tokens = TenantTokens(asking, services.destination, clock)
        own_tokens.append(tokens.at())
        finder = DestinationsClient(
            callers.plain, services.destination.uri, service_timeout(configuration, "destination")
        )
        stores = open_stores(configuration.environ)
        service = ServiceDestinations(
            finder,
            services.destination,
            asking,
            tokens.at,
            company,
            tls,
            clock,
            stores,
            users_into_company=environment.users_into_company,
        )
    direct: dict[str, Backend] = {}
    of_user: dict[str, Callable[[Session | None], Backend]] = {}
    on_premise: dict[str, OnPremiseBackend] = {}
    for name, destination in environment.destinations.items():
        if destination.on_premise and company is not None:
            on_premise[name] = partial(company.environment_backend, destination)
        elif destination.forward_auth_certificates or destination.ias_dependency_name is not None:
            of_user[name] = backend_of_user(destination, tls)
        else:
            direct[name] = environment_backend(destination, tls)
    exchanged = ExchangedTokens(clock)
    dependencies = None if IAS not in authorities.by_kind else Dependencies(authorities, exchanged)
    others = business_services(
        configuration.business_services, callers, tls, own_tokens, clock, exchanged, dependencies
    )
    pattern, files = environment.destination_host_pattern, repository_files(others)
    return Backends(direct, on_premise, service, pattern, others, files, of_user, dependencies)


def _expired(told: BackendsTold, session: Session) -> None:
    audit.logged_out(session, "timeout")
    told.schedule(session, None)


def _limits(configuration: RouterConfiguration) -> Limits:
    environment = configuration.environment
    connection = environment.incoming_connection_timeout or UNLIMITED
    arriving = min(environment.incoming_request_timeout or UNLIMITED, connection)
    return Limits(
        header_count=MOST_HEADERS,
        header_timeout=arriving,
        body_timeout=arriving,
        request_timeout=environment.incoming_request_timeout or None,
        inactivity_timeout=environment.incoming_connection_timeout or None,
        write_timeout=connection,
        idle_timeout=environment.keep_alive or min(DEFAULT_KEEP_ALIVE, connection),
    )
