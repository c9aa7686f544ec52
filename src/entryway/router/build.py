"""Puts a router together: configuration in, running object out.

It and its neighbours `build_*` are the only files that name concrete classes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

from entryway.clients.http import new_http
from entryway.clients.tls import outgoing_context, unverified_context
from entryway.http import Limits, PoolLimits
from entryway.http.address_limit import address_limit
from entryway.router import audit
from entryway.router.access_log import AccessLog
from entryway.router.address import FORWARDING, trust_in
from entryway.router.application import Application
from entryway.router.browser_sessions import BrowserSessions
from entryway.router.build_backends import build_backends
from entryway.router.build_login import (
    build_authorities,
    build_back_channel,
    build_basic,
    certified_contexts,
    own_tenant,
)
from entryway.router.build_routes import build_folders, build_routes, compression_of, serve_routes
from entryway.router.build_services import (
    build_frame_ancestors,
    build_repository,
    build_service_calls,
    build_subscriptions,
    token_validator,
)
from entryway.router.build_traces import kinds_for, open_traces
from entryway.router.built_in import services as services_of
from entryway.router.callers import Callers
from entryway.router.company_network import ClientToken
from entryway.router.compression import Compressor
from entryway.router.configuration import RouterConfiguration
from entryway.router.cookie_seal import COOKIE as SEALED_COOKIES
from entryway.router.cookies import CookieRules, SessionCookie
from entryway.router.cors import build_cors
from entryway.router.deciding import deciding_of, own_paths
from entryway.router.exchange import Exchange
from entryway.router.forward import Forwarding
from entryway.router.hooks import Hooks
from entryway.router.login import UsedStates
from entryway.router.login_page import choose_policy
from entryway.router.login_readiness import LoginReadiness, login_checks
from entryway.router.logout import BackendsTold, SignOut
from entryway.router.meters import Meters
from entryway.router.origins import TlsContexts
from entryway.router.refresh import Refresher
from entryway.router.respond import Responder, error_pages
from entryway.router.returned import CookieSorter, additions
from entryway.router.session_length import session_minutes
from entryway.router.session_stores import open_sessions, store_check
from entryway.router.sessions import Session
from entryway.router.signin import LoginRules, SignIn
from entryway.router.surface import Surface
from entryway.router.websockets import SocketRules
from entryway.telemetry import get_logger
from entryway.tunnel.sockets import affordable_connections

log = get_logger("router")

NO_HOOKS = Hooks()
DEFAULT_KEEP_ALIVE = 125.0
MOST_HEADERS = 200
# Queries of OData fill what the head may have.
LONGEST_TARGET = 16 * 1024
UNLIMITED = 7 * 24 * 3600.0  # what a setting of 0 means: no bound that anybody meets


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
    cookies = CookieRules(
        environment.session_cookie_name,
        environment.same_site,
        environment.partitioned,
        environment.platform_cookie_name,
    )
    own_cookies = {cookies.session_name, cookies.state_name, SEALED_COOKIES}
    session_cookie = SessionCookie(own_cookies)
    minutes = session_minutes(environment, xs_app)
    taken_over = None if former is None else (former.sessions, former.router.browsers.maker)
    sessions, maker = open_sessions(configuration, minutes * 60, clock, taken_over)
    refresh_ahead = environment.jwt_refresh_minutes * 60 or None

    own_tokens: list[ClientToken] = []
    backends = build_backends(configuration, authorities, tls, callers, own_tokens, clock)
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
    routes = build_routes(configuration, authorities.default_kind)
    signout = SignOut(xs_app.logout, authorities, cookies, sessions, told)
    serve = partial(serve_routes, configuration, authorities.default_kind)
    hosted = build_repository(configuration, backends.repository, http, serve, signout, forwarding.tenant_id, clock)
    judge = partial(token_validator, kinds.judge, verified, clock)
    service_calls = build_service_calls(configuration, authorities, callers, sessions, judge, clock)
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
            FORWARDING | {environment.client_certificate_header.encode()},
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
        folders=build_folders(configuration, [served.route for served in routes.routes]),
        additions=additions(
            environment.http_headers,
            xs_app.response_headers,
            frame_options=environment.send_x_frame_options,
            merge_policies=environment.merge_csp,
        ),
        sockets=SocketRules(xs_app.websockets, environment.websocket_origins),
        cors=build_cors(xs_app.cors, environment.cors),
        compressor=Compressor(compression_of(configuration)),
        frame_ancestors=build_frame_ancestors(configuration, authorities, http, clock),
        responder=Responder(configuration.development, environment.return_error_source, pages, redirects),
        access_log=access_log,
        meters=meters if former is None else former.router.meters,
        hooks=hooks,
        services=services_of(authorities, environment.plugins, environment.allowlist),
        repository=hosted,
        tenants=authorities.tenants,
        subscriptions=build_subscriptions(configuration, authorities.tenants, judge, clock),
        service_calls=service_calls,
    )
    application = Application(
        router, _limits(configuration), client, callers, sessions, told, own_tokens, access_log,
        own_tenant(authorities), traces,
        LoginReadiness(login_checks(services, callers.plain, store_check(sessions)), clock),
    )  # fmt: skip
    # Last, when nothing can go wrong any more: until here a former application goes on unharmed.
    sessions.configure(minutes * 60, partial(_expired, told))
    return application


def _expired(told: BackendsTold, session: Session) -> None:
    audit.logged_out(session, "timeout")
    told.schedule(session, None)


def _limits(configuration: RouterConfiguration) -> Limits:
    environment = configuration.environment
    connection = environment.incoming_connection_timeout or UNLIMITED
    arriving = min(environment.incoming_request_timeout or UNLIMITED, connection)
    places = environment.connections or affordable_connections()
    return Limits(
        connections=places,
        per_address=address_limit(places, environment.connections_per_address, environment.trusted_proxies or ()),
        header_count=MOST_HEADERS,
        target_bytes=LONGEST_TARGET,
        header_timeout=arriving,
        body_timeout=arriving,
        request_timeout=environment.incoming_request_timeout or None,
        inactivity_timeout=environment.incoming_connection_timeout or None,
        write_timeout=connection,
        idle_timeout=environment.keep_alive or min(DEFAULT_KEEP_ALIVE, connection),
    )
