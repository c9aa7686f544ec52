"""Settings in, running authorization server out: this file and its parts `build_…` alone name concrete classes."""

from __future__ import annotations

from typing import cast

from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Route

from entryway.authserver import openapi
from entryway.authserver.account_pages import AccountPages
from entryway.authserver.admin.applications import Applications
from entryway.authserver.authorize import AuthorizeEndpoint
from entryway.authserver.autologin import AutologinEndpoint
from entryway.authserver.bootstrap import MASTERS
from entryway.authserver.build_administration import administration_routes
from entryway.authserver.build_foundation import Foundation, foundation
from entryway.authserver.build_lifespan import lifespan_of
from entryway.authserver.build_tokens import Tokens, tokens_of
from entryway.authserver.build_trust import Trust, trust_of, trust_routes
from entryway.authserver.edge import Edge
from entryway.authserver.inspection import InspectionEndpoints
from entryway.authserver.login import LoginEndpoints
from entryway.authserver.login_flow import LoginFlow
from entryway.authserver.logout import LogoutEndpoint
from entryway.authserver.metadata import MetadataEndpoints
from entryway.authserver.moments import Clock, utc_now
from entryway.authserver.passwords import Passwords
from entryway.authserver.rate_limits import RateLimit
from entryway.authserver.respond import Responder
from entryway.authserver.revocation import Revocation, RevocationEndpoints
from entryway.authserver.script_readers import ScriptReaders
from entryway.authserver.settings import AuthServerSettings
from entryway.authserver.tenant_branding import TenantBranded, TenantBrandings
from entryway.authserver.tenant_browsing import BrowsedAsWanted, TenantBrowsing
from entryway.authserver.tenant_path import TenantPath
from entryway.authserver.token_endpoint import TokenEndpoint
from entryway.authserver.token_route import TokenRoute
from entryway.errors import EntrywayError
from entryway.telemetry.service_meters import ServiceMeters
from entryway.web.cross_origin import CrossOrigin
from entryway.web.pages import Speaking
from entryway.web.tries import Tries


def build(
    settings: AuthServerSettings,
    *,
    clock: Clock = utc_now,
    passwords: Passwords | None = None,
    meters: ServiceMeters | None = None,
) -> Starlette:
    """Return the authorization server as an ASGI application; its lifespan creates tables, keys and master services."""
    base = foundation(settings, clock, passwords or Passwords(), meters)
    trust = trust_of(base)
    tokens = tokens_of(base, trust)
    database, audit, zones = base.database, base.audit, base.zones
    applications = Applications(database, clock, audit, frozenset(MASTERS))
    browsing, brandings = (
        TenantBrowsing(database, audit, clock),
        TenantBrandings(database, audit, settings.branding, clock),
    )
    flow = LoginFlow(
        base.attempts,
        base.login_sessions,
        tokens.authorizations,
        base.clients,
        base.users,
        base.pages,
        zones,
        trust.providers,
        trust.departures,
        browsing,
        base.roles,
    )
    token = TokenEndpoint(
        settings,
        zones,
        tokens.authentication,
        tokens.grants,
        tokens.granting,
        RateLimit(settings.token_requests_per_second),
        audit,
    )
    respond = Responder(base.pages)
    app = Starlette(
        routes=[
            *_client_routes(base, trust, tokens, token),
            *_browser_routes(base, trust, tokens, flow, browsing),
            *base.pages.routes(),
            *trust_routes(base, trust, flow),
            *administration_routes(base, trust, tokens, applications, brandings, browsing),
            openapi.route(tokens.grants),
        ],
        middleware=[
            Middleware(Edge),
            Middleware(TenantPath),
            Middleware(Speaking),
            Middleware(CrossOrigin, readers=ScriptReaders(settings, zones, browsing)),
            Middleware(TokenRoute, endpoint=token, respond=respond),
            Middleware(BrowsedAsWanted, settings=settings, zones=zones, browsing=browsing),
            Middleware(TenantBranded, settings=settings, zones=zones, brandings=brandings),
        ],
        exception_handlers={
            EntrywayError: respond.on_error,
            HTTPException: respond.on_http_exception,
            DBAPIError: respond.on_database_error,
        },
        lifespan=lifespan_of(base, trust, applications),
    )
    # A redirect to the path without its slash would lose the form that was posted.
    app.router.redirect_slashes = False
    # Without Starlette's own outermost layer: `Edge` answers what nobody else does.
    app.middleware_stack = cast("ServerErrorMiddleware", app.build_middleware_stack()).app
    return app


def _client_routes(base: Foundation, trust: Trust, tokens: Tokens, token: TokenEndpoint) -> list[Route]:
    settings, zones = base.settings, base.zones
    metadata = MetadataEndpoints(settings, zones, base.keys, tokens.grants, trust.providers, base.clock)
    inspection = InspectionEndpoints(settings, zones, tokens.authentication, tokens.own, tokens.bearer, base.roles)
    ending = RevocationEndpoints(
        settings,
        zones,
        tokens.authentication,
        tokens.bearer,
        tokens.own,
        tokens.stored,
        tokens.authorizations,
        tokens.signed,
        Revocation(base.database, base.users, base.clock),
    )
    return [
        Route("/oauth/token", token.__call__, methods=["GET", "POST"]),
        Route("/oauth/token/", token.__call__, methods=["GET", "POST"]),
        Route("/oauth/token/alias/{alias}", token.__call__, methods=["POST"]),
        Route("/token_keys", metadata.token_keys, methods=["GET"]),
        Route("/token_key", metadata.token_key, methods=["GET"]),
        Route("/.well-known/openid-configuration", metadata.discovery, methods=["GET"]),
        Route("/oauth/token/.well-known/openid-configuration", metadata.discovery, methods=["GET"]),
        *ending.routes(),
        Route("/introspect", inspection.introspect, methods=["POST"]),
        Route("/oauth/introspect", inspection.introspect_by_standard, methods=["POST"]),
        Route("/check_token", inspection.check_token, methods=["POST"]),
        Route("/userinfo", inspection.userinfo, methods=["GET", "POST"]),
        Route("/healthz", metadata.health, methods=["GET"]),
        Route("/info", metadata.info, methods=["GET"]),
    ]


def _browser_routes(
    base: Foundation, trust: Trust, tokens: Tokens, flow: LoginFlow, browsing: TenantBrowsing
) -> list[Route]:
    settings, zones, clock = base.settings, base.zones, base.clock
    attempts, login_sessions, pages = base.attempts, base.login_sessions, base.pages
    authorize = AuthorizeEndpoint(settings, zones, base.clients, flow, tokens.bearer, clock)
    tries = Tries(settings.address_failures, clock)
    login = LoginEndpoints(settings, zones, base.users, attempts, login_sessions, flow, tries, clock)
    autologin = AutologinEndpoint(
        settings,
        zones,
        tokens.authentication,
        tokens.grants["password"],
        tokens.authorizations,
        base.users,
        attempts,
        login_sessions,
        pages,
    )
    logout = LogoutEndpoint(
        settings,
        zones,
        base.clients,
        login_sessions,
        base.keys,
        pages,
        trust.provider_sessions,
        trust.departures,
        browsing,
    )
    account = AccountPages(settings, zones, login_sessions, base.roles, tokens.passcodes, flow, pages)
    return [
        Route("/oauth/authorize", authorize.__call__, methods=["GET", "POST"]),
        Route("/", login.home, methods=["GET"]),
        Route("/login", login.page, methods=["GET"]),
        Route("/login.do", login.submit, methods=["POST"]),
        *autologin.routes(),
        Route("/logout.do", logout.__call__, methods=["GET", "POST"]),
        Route("/logout", logout.__call__, methods=["GET", "POST"]),
        Route("/passcode", account.passcode, methods=["GET"]),
        Route("/config", account.who, methods=["GET"]),
    ]
