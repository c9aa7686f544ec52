"""The only file that names every part: settings in, running authorization server out."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from entryway.authserver import openapi, tables
from entryway.authserver.account_pages import AccountPages
from entryway.authserver.admin.applications import Applications
from entryway.authserver.admin.binding_authority import BindingAuthorities
from entryway.authserver.admin.binding_proofs import Proofs
from entryway.authserver.admin.bindings import Bindings
from entryway.authserver.admin.domains import Domains
from entryway.authserver.admin.endpoints import AdminEndpoints
from entryway.authserver.admin.people import People
from entryway.authserver.admin.subscriptions import Subscriptions
from entryway.authserver.admin.tenant_endpoints import TenantEndpoints
from entryway.authserver.admin.tenants import Tenants
from entryway.authserver.admin.token_policy import TokenPolicyEndpoints
from entryway.authserver.administration_limits import administration_limits
from entryway.authserver.attempts import Attempts
from entryway.authserver.authorizations import Authorizations
from entryway.authserver.authorize import AuthorizeEndpoint
from entryway.authserver.autologin import AutologinEndpoint
from entryway.authserver.bearer import Bearer
from entryway.authserver.bootstrap import MASTERS, Bootstrap
from entryway.authserver.client_authentication import ClientAuthentication
from entryway.authserver.client_certificates import ClientCertificates
from entryway.authserver.client_keys import ClientKeys
from entryway.authserver.client_lockout import ClientLockout
from entryway.authserver.clients import Clients
from entryway.authserver.counting import counting
from entryway.authserver.cross_origin import CrossOrigin
from entryway.authserver.digests import Digests
from entryway.authserver.edge import Edge
from entryway.authserver.ended import Ended
from entryway.authserver.granting import Granting
from entryway.authserver.grants import make_grants
from entryway.authserver.housekeeping import Housekeeping
from entryway.authserver.inspection import InspectionEndpoints
from entryway.authserver.issuer import Issuer
from entryway.authserver.login import LoginEndpoints
from entryway.authserver.login_failures import LoginFailures
from entryway.authserver.login_flow import LoginFlow
from entryway.authserver.logout import LogoutEndpoint
from entryway.authserver.metadata import MetadataEndpoints
from entryway.authserver.moments import Clock, utc_now
from entryway.authserver.own_tokens import OwnTokens
from entryway.authserver.pages import Pages
from entryway.authserver.passcodes import Passcodes
from entryway.authserver.password_spraying import FORGIVEN_EVERY, OF_A_CLIENT, PasswordTries
from entryway.authserver.passwords import Passwords
from entryway.authserver.rate_limits import RateLimit
from entryway.authserver.respond import Responder
from entryway.authserver.rest.build import Administration
from entryway.authserver.rest.callers import Callers
from entryway.authserver.rest.public_settings import PublicSettings
from entryway.authserver.revocation import Revocation, RevocationEndpoints
from entryway.authserver.roles import Roles
from entryway.authserver.sealed_refresh_tokens import SealedRefreshTokens
from entryway.authserver.seen_assertions import SeenAssertions
from entryway.authserver.sessions import Sessions
from entryway.authserver.signed_refresh_tokens import SignedRefreshTokens
from entryway.authserver.signing_keys import SigningKeys
from entryway.authserver.stored_tokens import StoredTokens
from entryway.authserver.tenant_branding import TenantBranded, TenantBrandings
from entryway.authserver.tenant_browsing import BrowsedAsWanted, TenantBrowsing
from entryway.authserver.tenant_path import TenantPath
from entryway.authserver.token_endpoint import TokenEndpoint
from entryway.authserver.token_policies import TokenPolicies
from entryway.authserver.token_route import TokenRoute
from entryway.authserver.trust.arrival import Arrival
from entryway.authserver.trust.bearer_assertions import BearerAssertions
from entryway.authserver.trust.client_assertions import sign_for_tenants
from entryway.authserver.trust.configuration import Kind
from entryway.authserver.trust.departures import Departures
from entryway.authserver.trust.foreign_tokens import ForeignTokens
from entryway.authserver.trust.migration import TrustMigration
from entryway.authserver.trust.oidc_departure import OidcDeparture
from entryway.authserver.trust.oidc_endpoints import OidcEndpoints
from entryway.authserver.trust.pending import PendingRequests
from entryway.authserver.trust.provider_passwords import ProviderPasswords
from entryway.authserver.trust.provider_sessions import ProviderSessions
from entryway.authserver.trust.providers import IdentityProviders
from entryway.authserver.trust.refreshing import TrustRefresh
from entryway.authserver.trust.saml_departure import SamlDeparture
from entryway.authserver.trust.saml_endpoints import SamlEndpoints
from entryway.authserver.trust.saml_keys import SamlKeys
from entryway.authserver.trust.saml_partners import SamlPartners
from entryway.authserver.trust.shadow_users import ShadowUsers
from entryway.authserver.users import Users
from entryway.authserver.zones import Zones
from entryway.clients.http import new_http
from entryway.clients.published_keys import PublishedKeys
from entryway.clients.tls import outgoing_context
from entryway.errors import EntrywayError
from entryway.federation.oidc_partners import OidcPartners
from entryway.storage import Changes, Database, Keyring, Sealer, audit_retention
from entryway.storage.audit import Audit
from entryway.web.pages import Speaking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from entryway.authserver.settings import AuthServerSettings
    from entryway.telemetry.service_meters import ServiceMeters


def build(  # noqa: PLR0915 - every part
    settings: AuthServerSettings,
    *,
    clock: Clock = utc_now,
    passwords: Passwords | None = None,
    meters: ServiceMeters | None = None,
) -> Starlette:
    """Return the authorization server as an ASGI application; its lifespan creates tables, keys and master services."""
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    database, sealer, digests = Database(settings.database_url), Sealer(keyring), Digests(keyring)
    audit, pages = Audit(database, digests, clock, counting(meters)), Pages(settings.branding)
    passwords = passwords or Passwords()
    changes = Changes(database, tables.Revision.__table__, tables.WATCHED, clock)
    zones = Zones(database, settings, changes)
    keys = SigningKeys(database, sealer, clock, audit, changes, settings.key_rotation)
    clients, users, roles = (
        Clients(database, digests, clock, changes),
        Users(database, passwords, digests, clock, audit, changes),
        Roles(database, changes),
    )
    certificates = ClientCertificates(
        settings.certificate_header, settings.certificate_networks, settings.trusted_authorities
    )
    trusted = outgoing_context(os.environ, ca_files=[settings.ca_file] if settings.ca_file else [])
    http = new_http(trusted, policy=settings.outgoing)
    ended = Ended(database, clock, changes)
    authorizations = Authorizations(database, digests, SealedRefreshTokens(sealer), ended, clock)
    attempts, login_sessions = Attempts(database, digests, clock), Sessions(database, users, digests, clock)
    stored_tokens, passcodes = StoredTokens(database, digests, clock), Passcodes(database, users, digests, clock)
    own_tokens = OwnTokens(keys, clients, users, stored_tokens, ended, digests, clock)
    signed = SignedRefreshTokens(keys, clock)
    issuer = Issuer(keys, authorizations, stored_tokens, signed, digests, clock)
    granting = Granting(issuer, roles)
    seen = SeenAssertions(database, digests)
    providers, shadow_users = IdentityProviders(database, sealer, audit, clock), ShadowUsers(database, users, clock)
    saml_keys = SamlKeys(database, sealer, audit, clock)
    partners = SamlPartners(providers, saml_keys, settings.host)
    published_keys = PublishedKeys(http, clock)
    client_keys = ClientKeys(published_keys)
    oidc = OidcPartners(http, published_keys, sign_for_tenants(keys), clock)
    grants = make_grants(
        own_tokens=own_tokens,
        clients=clients,
        users=users,
        authorizations=authorizations,
        signed=signed,
        passcodes=passcodes,
        providers=providers,
        passwords_elsewhere=ProviderPasswords(
            oidc, shadow_users, LoginFailures(database, clock), database, digests, audit, clock
        ),
        tries=PasswordTries(settings.address_failures * OF_A_CLIENT, clock, FORGIVEN_EVERY / OF_A_CLIENT),
        digests=digests,
        clock=clock,
        saml_assertions=BearerAssertions(partners, seen, shadow_users, clock),
        tokens_of_others=ForeignTokens(providers, oidc, shadow_users, clock),
    )
    bearer, authentication = (
        Bearer(settings, zones, own_tokens),
        ClientAuthentication(
            clients,
            own_tokens,
            certificates,
            client_keys,
            seen,
            ClientLockout(database, digests, clock, settings.client_failures),
            clock,
        ),
    )
    revocation = Revocation(database, users, clock)
    applications = Applications(database, clock, audit, frozenset(MASTERS))
    pending, provider_sessions = (
        PendingRequests(database, sealer, digests, clock),
        ProviderSessions(database, sealer, digests, login_sessions),
    )
    departures = Departures(
        zones,
        providers,
        {
            Kind.SAML: SamlDeparture(partners, pending, pages, clock),
            Kind.OIDC: OidcDeparture(settings, oidc, pending, clock),
        },
    )
    browsing = TenantBrowsing(database, audit, clock)
    flow = LoginFlow(
        attempts, login_sessions, authorizations, clients, users, pages, zones, providers, departures, browsing, roles
    )
    arrival = Arrival(attempts, login_sessions, provider_sessions, shadow_users, flow, audit)
    saml = SamlEndpoints(
        settings, zones, providers, partners, pending, provider_sessions, seen, arrival, flow, pages, clock
    )
    relying_party = OidcEndpoints(settings, zones, providers, oidc, pending, arrival, provider_sessions, seen, clock)
    brandings = TenantBrandings(database, audit, settings.branding, clock)
    refresh = TrustRefresh(http, providers, oidc, clock)
    housekeeping = Housekeeping(database, clock, (keys.rotate_due, refresh.refresh_due))
    bootstrap = Bootstrap(settings, database, keyring, sealer, digests, keys, zones, applications, clock)

    token = TokenEndpoint(
        settings, zones, authentication, grants, granting, RateLimit(settings.token_requests_per_second), audit
    )
    authorize = AuthorizeEndpoint(settings, zones, clients, flow, bearer, clock)
    tries_of_browsers = PasswordTries(settings.address_failures, clock)
    login = LoginEndpoints(settings, zones, users, attempts, login_sessions, flow, tries_of_browsers, clock)
    autologin = AutologinEndpoint(
        settings,
        zones,
        authentication,
        grants["password"],
        authorizations,
        users,
        attempts,
        login_sessions,
        pages,
    )
    logout = LogoutEndpoint(
        settings, zones, clients, login_sessions, keys, pages, provider_sessions, departures, browsing
    )
    metadata = MetadataEndpoints(settings, zones, keys, grants, providers, clock)
    inspection = InspectionEndpoints(settings, zones, authentication, own_tokens, bearer, roles)
    ending = RevocationEndpoints(
        settings, zones, authentication, bearer, own_tokens, stored_tokens, authorizations, signed, revocation
    )
    account = AccountPages(settings, zones, login_sessions, roles, passcodes, flow, pages)
    proofs = Proofs(sealer, digests, BindingAuthorities(sealer, clock), settings, clock)
    bindings = Bindings(database, proofs, keys, settings, audit)
    people = People(database, passwords, audit, clock)
    admin = AdminEndpoints(bearer, applications, bindings, people, users, clients, granting, clock)
    policies = TokenPolicies(database, audit)
    token_policy = TokenPolicyEndpoints(bearer, policies)
    landscape = Tenants(database, settings, zones, keys, audit, clock)
    tenants = TenantEndpoints(
        settings,
        bearer,
        landscape,
        Subscriptions(database, audit, clock),
        Domains(database, settings, audit, clock),
        keys,
    )
    administration = Administration(
        settings.public_url,
        database,
        passwords,
        Callers(bearer, administration_limits(settings)),
        clients,
        applications,
        bindings,
        landscape,
        policies,
        keys,
        providers,
        refresh,
        TrustMigration(database, sealer, providers, audit, clock),
        brandings,
        browsing,
        saml_keys,
        audit,
        clock,
        settings.identity_providers,
    )
    respond = Responder(pages)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        try:
            await bootstrap.run()
            await housekeeping.sweep()
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(housekeeping.run()),
                    tasks.create_task(audit.run()),
                    tasks.create_task(audit_retention.run(database, audit, clock, settings.audit_kept_for)),
                ]
                yield
                for task in running:
                    task.cancel()
        finally:
            passwords.close()
            await http.aclose()
            await database.close()

    app = Starlette(
        routes=[
            Route("/oauth/token", token.__call__, methods=["GET", "POST"]),
            Route("/oauth/token/", token.__call__, methods=["GET", "POST"]),
            Route("/oauth/token/alias/{alias}", token.__call__, methods=["POST"]),
            Route("/oauth/authorize", authorize.__call__, methods=["GET", "POST"]),
            Route("/", login.home, methods=["GET"]),
            Route("/login", login.page, methods=["GET"]),
            Route("/login.do", login.submit, methods=["POST"]),
            *autologin.routes(),
            Route("/logout.do", logout.__call__, methods=["GET", "POST"]),
            Route("/logout", logout.__call__, methods=["GET", "POST"]),
            Route("/token_keys", metadata.token_keys, methods=["GET"]),
            Route("/token_key", metadata.token_key, methods=["GET"]),
            Route("/.well-known/openid-configuration", metadata.discovery, methods=["GET"]),
            Route("/oauth/token/.well-known/openid-configuration", metadata.discovery, methods=["GET"]),
            *ending.routes(),
            Route("/passcode", account.passcode, methods=["GET"]),
            Route("/config", account.who, methods=["GET"]),
            Route("/introspect", inspection.introspect, methods=["POST"]),
            Route("/oauth/introspect", inspection.introspect_by_standard, methods=["POST"]),
            Route("/check_token", inspection.check_token, methods=["POST"]),
            Route("/userinfo", inspection.userinfo, methods=["GET", "POST"]),
            Route("/healthz", metadata.health, methods=["GET"]),
            Route("/info", metadata.info, methods=["GET"]),
            *pages.routes(),
            *admin.routes(),
            *token_policy.routes(),
            *tenants.routes(),
            *saml.routes(),
            *relying_party.routes(),
            *PublicSettings(zones, browsing).routes(),
            *administration.routes(),
            openapi.route(grants),
        ],
        middleware=[
            Middleware(Edge),
            Middleware(TenantPath),
            Middleware(Speaking),
            Middleware(CrossOrigin, settings=settings, zones=zones, browsing=browsing),
            Middleware(TokenRoute, endpoint=token, respond=respond),
            Middleware(BrowsedAsWanted, settings=settings, zones=zones, browsing=browsing),
            Middleware(TenantBranded, settings=settings, zones=zones, brandings=brandings),
        ],
        exception_handlers={
            EntrywayError: respond.on_error,
            HTTPException: respond.on_http_exception,
            DBAPIError: respond.on_database_error,
        },
        lifespan=lifespan,
    )
    # A redirect to the path without its slash would lose the form that was posted.
    app.router.redirect_slashes = False
    return app
