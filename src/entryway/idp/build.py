"""The only file that names every part: settings in, running identity provider out."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from entryway.accounts.passwords import Passwords
from entryway.clients.http import new_http
from entryway.clients.published_keys import PublishedKeys
from entryway.clients.tls import outgoing_context
from entryway.errors import EntrywayError
from entryway.federation.oidc_partners import OidcPartners
from entryway.idp.account.letters import Letters
from entryway.idp.account.links import Links
from entryway.idp.account.profile import ProfileEndpoints
from entryway.idp.account.self_service import SelfServiceEndpoints
from entryway.idp.account.visitors import Visitors
from entryway.idp.admin import openapi
from entryway.idp.admin.api import AdminApi
from entryway.idp.admin.callers import Callers
from entryway.idp.applications.assertions import ClientAssertions
from entryway.idp.applications.authentication import ApplicationAuthentication
from entryway.idp.applications.certificates import ApplicationCertificates
from entryway.idp.applications.store import Applications
from entryway.idp.bootstrap import Bootstrap
from entryway.idp.console.applications import ApplicationPages
from entryway.idp.console.groups import GroupPages
from entryway.idp.console.office import Office
from entryway.idp.console.providers import ProviderPages
from entryway.idp.console.settings import SettingsPages
from entryway.idp.console.user_import import UserImportPage
from entryway.idp.console.users import UserPages
from entryway.idp.corporate.arrival import Arrival
from entryway.idp.corporate.client_assertions import sign_for_us
from entryway.idp.corporate.departure import ProviderStep
from entryway.idp.corporate.endpoints import ProviderEndpoints
from entryway.idp.corporate.links import ProviderLinks
from entryway.idp.corporate.pending import PendingRequests
from entryway.idp.corporate.provider_sessions import ProviderSessions
from entryway.idp.corporate.providers import Providers
from entryway.idp.corporate.whereabouts import Whereabouts
from entryway.idp.counting import counting
from entryway.idp.documents import Documents
from entryway.idp.factors.authenticators import Authenticators
from entryway.idp.factors.factors import Factors
from entryway.idp.factors.passkeys import Passkeys
from entryway.idp.factors.second_factors import SecondFactors
from entryway.idp.housekeeping import Housekeeping
from entryway.idp.login import page_finisher
from entryway.idp.login.attempts import Attempts
from entryway.idp.login.endpoints import LoginEndpoints, Steps
from entryway.idp.login.flow import LoginFlow
from entryway.idp.login.next_step import Step
from entryway.idp.login.page_finisher import PageFinisher
from entryway.idp.login.requirements import Requirements
from entryway.idp.login.sessions import Sessions
from entryway.idp.login.steps import ChangePasswordStep, EnrolStep, NameStep, PasswordStep, SecondFactorStep
from entryway.idp.logout.chain import LogoutChain
from entryway.idp.logout.endings import Endings
from entryway.idp.logout.participants import Participants
from entryway.idp.mail.outbox import outbox
from entryway.idp.mail.postman import Postman
from entryway.idp.oidc import authorize
from entryway.idp.oidc.authorizations import Authorizations
from entryway.idp.oidc.authorize import AuthorizeEndpoint, OidcFinisher
from entryway.idp.oidc.discovery import DOCUMENT_PATHS, DiscoveryEndpoints
from entryway.idp.oidc.grants import make_grants
from entryway.idp.oidc.inspection import InspectionEndpoints
from entryway.idp.oidc.issuer import Issuer
from entryway.idp.oidc.logout import LogoutEndpoint
from entryway.idp.oidc.targets import Targets
from entryway.idp.oidc.token_endpoint import TokenEndpoint
from entryway.idp.pages.forms import Forms
from entryway.idp.provisioning import groups as provisioned_groups
from entryway.idp.provisioning import users as provisioned_users
from entryway.idp.provisioning.groups import GroupCollection
from entryway.idp.provisioning.users import UserCollection
from entryway.idp.respond import Responder
from entryway.idp.saml import endpoints as saml
from entryway.idp.saml.endpoints import SamlEndpoints, SamlFinisher
from entryway.idp.saml.metadata_refresh import MetadataRefresh
from entryway.idp.saml.partners import Partners
from entryway.idp.saml.saml_keys import SamlKeys
from entryway.idp.seen_assertions import SeenAssertions
from entryway.idp.session_end import SessionEnd
from entryway.idp.signing_keys import SigningKeys
from entryway.idp.trail import Trail
from entryway.idp.users.authentication import Authentication
from entryway.idp.users.failures import Failures
from entryway.idp.users.groups import Groups
from entryway.idp.users.password_changes import PasswordChanges
from entryway.idp.users.store import Users
from entryway.idp.users.user_import import UserImport
from entryway.storage import Database, Keyring, Sealer, audit_retention
from entryway.storage.audit import Audit
from entryway.storage.digests import Digests
from entryway.storage.moments import Clock, utc_now
from entryway.web.client_certificates import ShownCertificates, networks
from entryway.web.edge import Edge
from entryway.web.pages import Pages
from entryway.web.scim import ScimEndpoints

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from entryway.idp.settings import IdpSettings
    from entryway.telemetry.service_meters import ServiceMeters

SCIM_PATH = "/scim"


def build(  # noqa: PLR0915 - the one place that names every part
    settings: IdpSettings,
    *,
    clock: Clock = utc_now,
    passwords: Passwords | None = None,
    meters: ServiceMeters | None = None,
) -> Starlette:
    """Return the identity provider as an ASGI application; its lifespan creates tables, keys and the first client."""
    keyring = Keyring(settings.master_key, settings.previous_master_keys)
    database, sealer = Database(settings.database_url), Sealer(keyring)
    digests, pages = Digests(keyring, "idp"), Pages("entryway.idp.pages", settings.branding)
    trusted = outgoing_context(os.environ, ca_files=[settings.ca_file] if settings.ca_file else [])
    http = new_http(trusted, policy=settings.outgoing)
    audit = Audit(database, digests, clock, counting(meters))
    trail = Trail(audit)
    passwords, documents = passwords or Passwords(), Documents(database, clock)
    users, groups, failures = Users(database, clock), Groups(database, clock), Failures(database, digests, clock)
    authentication = Authentication(users, failures, passwords, documents, trail)
    applications = Applications(database, sealer, digests, clock)
    certificates = ApplicationCertificates(database, sealer, clock)
    published_keys, seen = PublishedKeys(http, clock), SeenAssertions(database, digests)
    application_authentication = ApplicationAuthentication(
        applications,
        certificates,
        ShownCertificates(settings.certificate_header, networks(settings.certificate_proxies)),
        ClientAssertions(settings, applications, published_keys, seen, clock),
    )
    keys = SigningKeys(database, sealer, clock)
    authorizations = Authorizations(database, digests, clock)
    provider_links = ProviderLinks(database, users, groups, clock)
    issuer = Issuer(settings, keys, applications, users, groups, authorizations, provider_links, clock)
    factors, passkeys = Factors(database), Passkeys(settings, database, clock)
    authenticators = Authenticators(database, sealer, digests, clock)
    requirements = Requirements(documents, groups, factors, clock)
    sessions, attempts = Sessions(database, users, digests, clock), Attempts(database, digests, clock)
    session_end = SessionEnd(database, sessions, authorizations, issuer, http, clock)
    password_changes = PasswordChanges(database, passwords, documents, failures, session_end, trail, clock)
    providers = Providers(database, sealer, session_end, clock)
    whereabouts = Whereabouts(providers, applications, documents, users, groups)
    provider_sessions = ProviderSessions(database, sealer)
    pending = PendingRequests(database, sealer, digests, clock)
    oidc_partners = OidcPartners(http, published_keys, sign_for_us(keys, settings), clock)
    steps = Steps(
        NameStep(attempts, pages),
        PasswordStep(attempts, whereabouts, passkeys, documents, pages),
        SecondFactorStep(attempts, passkeys, pages),
        EnrolStep(settings, attempts, users, sealer, pages),
        ChangePasswordStep(attempts, documents, pages),
    )
    saml_keys, partners = SamlKeys(settings, database, sealer, clock), Partners(applications, clock)
    participants = Participants(database, clock)
    flow = LoginFlow(
        attempts=attempts,
        sessions=sessions,
        session_end=session_end,
        users=users,
        applications=applications,
        requirements=requirements,
        whereabouts=whereabouts,
        provider_sessions=provider_sessions,
        asks={
            Step.ASK_NAME: steps.name,
            Step.GO_TO_PROVIDER: ProviderStep(settings, whereabouts, oidc_partners, saml_keys, pending, pages, clock),
            Step.ASK_PASSWORD: steps.password,
            Step.ASK_SECOND_FACTOR: steps.second_factor,
            Step.ENROL_SECOND_FACTOR: steps.enrol,
            Step.CHANGE_PASSWORD: steps.change_password,
        },
        finishers={
            authorize.KIND: OidcFinisher(applications, authorizations, issuer, session_end),
            page_finisher.KIND: PageFinisher(),
            saml.KIND: SamlFinisher(settings, applications, partners, issuer, participants, saml_keys, pages, clock),
        },
    )
    second_factors = SecondFactors(authenticators, failures, documents, trail)
    grants = make_grants(
        issuer,
        authorizations,
        authentication=authentication,
        requirements=requirements,
        second_factors=second_factors,
        whereabouts=whereabouts,
        clock=clock,
    )
    callers = Callers(application_authentication, applications, issuer, trail)
    metadata = MetadataRefresh(http, applications, clock)
    housekeeping = Housekeeping(database, keys, clock, metadata.refresh_due)
    bootstrap = Bootstrap(settings, database, keyring, keys, applications, groups)

    authorizing = AuthorizeEndpoint(applications, flow, clock)
    token = TokenEndpoint(application_authentication, grants, Targets(applications), issuer, clock, meters)
    discovery = DiscoveryEndpoints(settings, keys, applications, grants)
    inspection = InspectionEndpoints(application_authentication, applications, authorizations, issuer)
    chain = LogoutChain(
        settings=settings,
        database=database,
        sealer=sealer,
        session_end=session_end,
        participants=participants,
        provider_sessions=provider_sessions,
        providers=providers,
        partners=partners,
        oidc=oidc_partners,
        keys=saml_keys,
        endings=Endings(settings, partners, providers, saml_keys, pages, clock),
        pages=pages,
        clock=clock,
    )
    logout = LogoutEndpoint(settings, applications, sessions, chain, keys, digests, pages)
    arrival = Arrival(attempts, provider_links, flow, sealer, trail, clock)
    corporate = ProviderEndpoints(
        settings=settings,
        providers=providers,
        partners=oidc_partners,
        pending=pending,
        seen=seen,
        keys=saml_keys,
        attempts=attempts,
        arrival=arrival,
        flow=flow,
        chain=chain,
        provider_sessions=provider_sessions,
        clock=clock,
    )
    login = LoginEndpoints(
        steps=steps,
        flow=flow,
        attempts=attempts,
        authentication=authentication,
        users=users,
        second_factors=second_factors,
        authenticators=authenticators,
        passkeys=passkeys,
        password_changes=password_changes,
        documents=documents,
        pages=pages,
        trail=trail,
        clock=clock,
    )
    forms, postman = Forms(pages, digests), Postman(outbox(settings.mail, trusted))
    links = Links(database, users, digests, clock)
    letters = Letters(settings, links)
    user_import = UserImport(database, users, groups, session_end)
    admin = AdminApi(
        settings,
        callers,
        users,
        groups,
        password_changes,
        applications,
        certificates,
        metadata,
        providers,
        documents,
        keys,
        session_end,
        user_import,
        letters,
        postman,
    )
    provisioning = f"{settings.public_url}{SCIM_PATH}"
    scim = ScimEndpoints(
        settings.public_url,
        SCIM_PATH,
        {
            "User": (
                provisioned_users.KIND,
                UserCollection(provisioning, users, groups, password_changes, session_end),
            ),
            "Group": (provisioned_groups.KIND, GroupCollection(provisioning, groups)),
        },
        partial(callers.require, right="scim"),
    )
    self_service = SelfServiceEndpoints(
        users=users,
        links=links,
        letters=letters,
        postman=postman,
        password_changes=password_changes,
        session_end=session_end,
        failures=failures,
        documents=documents,
        forms=forms,
    )
    visitors = Visitors(sessions, requirements, groups, flow, clock)
    profile = ProfileEndpoints(
        settings=settings,
        visitors=visitors,
        users=users,
        groups=groups,
        authentication=authentication,
        password_changes=password_changes,
        authenticators=authenticators,
        passkeys=passkeys,
        sessions=sessions,
        session_end=session_end,
        letters=letters,
        postman=postman,
        documents=documents,
        sealer=sealer,
        trail=trail,
        forms=forms,
    )
    office = Office(visitors, forms, trail)
    console = [
        *UserPages(
            office=office,
            users=users,
            groups=groups,
            password_changes=password_changes,
            failures=failures,
            factors=factors,
            sessions=sessions,
            session_end=session_end,
            letters=letters,
            postman=postman,
            documents=documents,
        ).routes(),
        *UserImportPage(office, user_import, letters, postman).routes(),
        *GroupPages(office, groups).routes(),
        *ApplicationPages(office, applications, metadata).routes(),
        *ProviderPages(office, providers, documents).routes(),
        *SettingsPages(office, documents, keys, database).routes(),
    ]
    saml_endpoints = SamlEndpoints(
        settings, partners, documents, saml_keys, flow, sessions, chain, sealer, pages, clock
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
            await session_end.settle()
            await postman.settle()
        finally:
            passwords.close()
            await http.aclose()
            await database.close()

    return Starlette(
        routes=[
            Route("/oauth2/authorize", authorizing.__call__, methods=["GET", "POST"]),
            Route("/oauth2/token", token.__call__, methods=["POST"]),
            Route("/oauth2/certs", discovery.certs, methods=["GET"]),
            Route("/oauth2/userinfo", inspection.userinfo, methods=["GET", "POST"]),
            Route("/oauth2/introspect", inspection.introspect, methods=["POST"]),
            Route("/oauth2/revoke", inspection.revoke, methods=["POST"]),
            Route("/oauth2/logout", logout.__call__, methods=["GET", "POST"]),
            *(Route(path, discovery.document, methods=["GET"]) for path in DOCUMENT_PATHS),
            Route("/healthz", discovery.health, methods=["GET"]),
            *pages.routes(),
            *login.routes(),
            *self_service.routes(),
            *profile.routes(),
            *saml_endpoints.routes(),
            *corporate.routes(),
            *console,
            *openapi.routes(),
            *admin.routes(),
            *scim.routes(),
        ],
        middleware=[Middleware(Edge)],
        exception_handlers={
            EntrywayError: respond.on_error,
            HTTPException: respond.on_http_exception,
            DBAPIError: respond.on_database_error,
        },
        lifespan=lifespan,
    )
