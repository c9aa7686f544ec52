"""Settings in, running identity provider out: this file and its parts `build_…` alone name concrete classes."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from entryway.accounts.passwords import Passwords
from entryway.errors import EntrywayError
from entryway.idp.build_accounts import account_routes
from entryway.idp.build_foundation import Foundation, foundation
from entryway.idp.build_lifespan import lifespan_of
from entryway.idp.build_logins import Logins, logins_of
from entryway.idp.oidc.authorization_answers import AuthorizationAnswers
from entryway.idp.oidc.authorize import AuthorizeEndpoint
from entryway.idp.oidc.discovery import DOCUMENT_PATHS, DiscoveryEndpoints
from entryway.idp.oidc.grants import make_grants
from entryway.idp.oidc.inspection import InspectionEndpoints
from entryway.idp.oidc.logout import LogoutEndpoint
from entryway.idp.oidc.script_readers import ScriptReaders
from entryway.idp.oidc.targets import Targets
from entryway.idp.oidc.token_endpoint import TokenEndpoint
from entryway.idp.respond import Responder
from entryway.idp.saml.metadata_refresh import MetadataRefresh
from entryway.idp.settings import IdpSettings
from entryway.storage.moments import Clock, utc_now
from entryway.telemetry.service_meters import ServiceMeters
from entryway.web.cross_origin import CrossOrigin
from entryway.web.edge import Edge
from entryway.web.tries import FORGIVEN_EVERY, OF_A_CLIENT, Tries


def build(
    settings: IdpSettings,
    *,
    clock: Clock = utc_now,
    passwords: Passwords | None = None,
    meters: ServiceMeters | None = None,
) -> Starlette:
    """Return the identity provider as an ASGI application; its lifespan creates tables, keys and the first client."""
    base = foundation(settings, clock, passwords or Passwords(), meters)
    logins = logins_of(base)
    metadata = MetadataRefresh(base.http, base.applications, clock)
    respond = Responder(base.pages)
    return Starlette(
        routes=[
            *_openid_connect_routes(base, logins, meters),
            *base.pages.routes(),
            *logins.routes,
            *account_routes(base, logins, metadata),
        ],
        middleware=[Middleware(Edge), Middleware(CrossOrigin, readers=ScriptReaders(base.documents))],
        exception_handlers={
            EntrywayError: respond.on_error,
            HTTPException: respond.on_http_exception,
            DBAPIError: respond.on_database_error,
        },
        lifespan=lifespan_of(base, logins, metadata),
    )


def _openid_connect_routes(base: Foundation, logins: Logins, meters: ServiceMeters | None) -> list[Route]:
    applications, clock = base.applications, base.clock
    grants = make_grants(
        logins.issuer,
        logins.authorizations,
        authentication=base.authentication,
        requirements=logins.requirements,
        second_factors=logins.second_factors,
        whereabouts=logins.whereabouts,
        tries=Tries(base.settings.address_failures * OF_A_CLIENT, clock, FORGIVEN_EVERY / OF_A_CLIENT),
        clock=clock,
    )
    authorizing = AuthorizeEndpoint(applications, logins.flow, AuthorizationAnswers(base.settings, base.pages), clock)
    token = TokenEndpoint(base.clients, grants, Targets(applications), logins.issuer, clock, meters)
    discovery = DiscoveryEndpoints(base.settings, base.keys, applications, grants)
    inspection = InspectionEndpoints(base.clients, applications, logins.authorizations, logins.issuer)
    logout = LogoutEndpoint(
        base.settings, applications, logins.sessions, logins.chain, base.keys, base.digests, base.pages
    )
    return [
        Route("/oauth2/authorize", authorizing.__call__, methods=["GET", "POST"]),
        Route("/oauth2/token", token.__call__, methods=["POST"]),
        Route("/oauth2/certs", discovery.certs, methods=["GET"]),
        Route("/oauth2/userinfo", inspection.userinfo, methods=["GET", "POST"]),
        Route("/oauth2/introspect", inspection.introspect, methods=["POST"]),
        Route("/oauth2/revoke", inspection.revoke, methods=["POST"]),
        Route("/oauth2/logout", logout.__call__, methods=["GET", "POST"]),
        *(Route(path, discovery.document, methods=["GET"]) for path in DOCUMENT_PATHS),
        Route("/healthz", discovery.health, methods=["GET"]),
    ]
