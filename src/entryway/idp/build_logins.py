"""Puts together how people log in and out, here and at their companies: build's part for the login flow."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from entryway.federation.oidc_partners import OidcPartners
from entryway.idp.build_foundation import Foundation
from entryway.idp.corporate.arrival import Arrival
from entryway.idp.corporate.client_assertions import sign_for_us
from entryway.idp.corporate.departure import ProviderStep
from entryway.idp.corporate.endpoints import ProviderEndpoints
from entryway.idp.corporate.links import ProviderLinks
from entryway.idp.corporate.pending import PendingRequests
from entryway.idp.corporate.provider_sessions import ProviderSessions
from entryway.idp.corporate.providers import Providers
from entryway.idp.corporate.whereabouts import Whereabouts
from entryway.idp.factors.authenticators import Authenticators
from entryway.idp.factors.factors import Factors
from entryway.idp.factors.passkeys import Passkeys
from entryway.idp.factors.second_factors import SecondFactors
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
from entryway.idp.oidc import authorize
from entryway.idp.oidc.authorization_answers import AuthorizationAnswers
from entryway.idp.oidc.authorizations import Authorizations
from entryway.idp.oidc.authorize import OidcFinisher
from entryway.idp.oidc.issuer import Issuer
from entryway.idp.saml import endpoints as saml
from entryway.idp.saml.endpoints import SamlEndpoints, SamlFinisher
from entryway.idp.saml.partners import Partners
from entryway.idp.saml.saml_keys import SamlKeys
from entryway.idp.session_end import SessionEnd
from entryway.idp.users.password_changes import PasswordChanges
from entryway.web.tries import Tries


@dataclass(frozen=True, slots=True)
class Logins:
    """What endpoints, grants and accounts need of it."""

    authorizations: Authorizations
    issuer: Issuer
    factors: Factors
    passkeys: Passkeys
    authenticators: Authenticators
    second_factors: SecondFactors
    requirements: Requirements
    sessions: Sessions
    session_end: SessionEnd
    password_changes: PasswordChanges
    providers: Providers
    whereabouts: Whereabouts
    flow: LoginFlow
    chain: LogoutChain
    routes: list[Route]
    """Where browsers log in, and where companies' providers and SAML applications answer."""


def logins_of(base: Foundation) -> Logins:
    """Make the flow with its steps, and the chain of a logout."""
    settings, clock, database, sealer, digests = base.settings, base.clock, base.database, base.sealer, base.digests
    pages, documents, users, groups = base.pages, base.documents, base.users, base.groups
    applications, trail = base.applications, base.trail
    authorizations = Authorizations(database, digests, clock)
    provider_links = ProviderLinks(database, users, groups, clock)
    issuer = Issuer(settings, base.keys, applications, users, groups, authorizations, provider_links, clock)
    factors, passkeys = Factors(database), Passkeys(settings, database, clock)
    authenticators = Authenticators(database, sealer, digests, clock)
    second_factors = SecondFactors(authenticators, base.failures, documents, trail)
    requirements = Requirements(documents, groups, factors, clock)
    sessions, attempts = Sessions(database, users, digests, clock), Attempts(database, sealer, digests, clock)
    session_end = SessionEnd(database, sessions, authorizations, issuer, base.http, clock)
    password_changes = PasswordChanges(database, base.passwords, documents, base.failures, session_end, trail, clock)
    providers = Providers(database, sealer, session_end, clock)
    whereabouts = Whereabouts(providers, applications, documents, users, groups, settings.certificate_networks)
    provider_sessions = ProviderSessions(database, sealer)
    pending = PendingRequests(database, sealer, digests, clock)
    oidc_partners = OidcPartners(base.http, base.published_keys, sign_for_us(base.keys, settings), clock)
    saml_keys, partners = SamlKeys(settings, database, sealer, clock), Partners(applications, clock)
    participants = Participants(database, clock)
    steps = Steps(
        NameStep(attempts, pages),
        PasswordStep(attempts, whereabouts, passkeys, documents, pages),
        SecondFactorStep(attempts, authenticators, passkeys, pages),
        EnrolStep(settings, attempts, users, sealer, pages),
        ChangePasswordStep(attempts, users, documents, pages),
    )
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
            authorize.KIND: OidcFinisher(
                applications, authorizations, issuer, session_end, AuthorizationAnswers(settings, pages)
            ),
            page_finisher.KIND: PageFinisher(),
            saml.KIND: SamlFinisher(settings, applications, partners, issuer, participants, saml_keys, pages, clock),
        },
    )
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
    login = LoginEndpoints(
        settings=settings,
        steps=steps,
        flow=flow,
        attempts=attempts,
        authentication=base.authentication,
        tries=Tries(settings.address_failures, clock),
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
    corporate = ProviderEndpoints(
        settings=settings,
        providers=providers,
        partners=oidc_partners,
        pending=pending,
        seen=base.seen,
        keys=saml_keys,
        attempts=attempts,
        arrival=Arrival(attempts, provider_links, flow, sealer, trail, clock),
        flow=flow,
        chain=chain,
        provider_sessions=provider_sessions,
        clock=clock,
    )
    applications_of_saml = SamlEndpoints(
        settings, partners, documents, saml_keys, flow, sessions, chain, sealer, pages, clock
    )
    return Logins(
        authorizations=authorizations,
        issuer=issuer,
        factors=factors,
        passkeys=passkeys,
        authenticators=authenticators,
        second_factors=second_factors,
        requirements=requirements,
        sessions=sessions,
        session_end=session_end,
        password_changes=password_changes,
        providers=providers,
        whereabouts=whereabouts,
        flow=flow,
        chain=chain,
        routes=[*login.routes(), *applications_of_saml.routes(), *corporate.routes()],
    )
