"""Puts together whom a tenant trusts besides itself: build's part for companies' identity providers."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from entryway.authserver.build_foundation import Foundation
from entryway.authserver.login_flow import LoginFlow
from entryway.authserver.trust.arrival import Arrival
from entryway.authserver.trust.client_assertions import sign_for_tenants
from entryway.authserver.trust.configuration import Kind
from entryway.authserver.trust.departures import Departures
from entryway.authserver.trust.oidc_departure import OidcDeparture
from entryway.authserver.trust.oidc_endpoints import OidcEndpoints
from entryway.authserver.trust.pending import PendingRequests
from entryway.authserver.trust.provider_sessions import ProviderSessions
from entryway.authserver.trust.providers import IdentityProviders
from entryway.authserver.trust.refreshing import TrustRefresh
from entryway.authserver.trust.saml_departure import SamlDeparture
from entryway.authserver.trust.saml_endpoints import SamlEndpoints
from entryway.authserver.trust.saml_keys import SamlKeys
from entryway.authserver.trust.saml_partners import SamlPartners
from entryway.authserver.trust.shadow_users import ShadowUsers
from entryway.authserver.zones import Zone
from entryway.federation.oidc_partners import OidcPartners


@dataclass(frozen=True, slots=True)
class Trust:
    """What grants, logins and administrators need of it."""

    providers: IdentityProviders
    shadow_users: ShadowUsers
    saml_keys: SamlKeys
    partners: SamlPartners
    oidc: OidcPartners[Zone]
    pending: PendingRequests
    provider_sessions: ProviderSessions
    departures: Departures
    refresh: TrustRefresh


def trust_of(base: Foundation) -> Trust:
    """Make what knows the providers and the way to them."""
    database, sealer, digests, clock = base.database, base.sealer, base.digests, base.clock
    providers, saml_keys = (
        IdentityProviders(database, sealer, base.audit, clock, base.changes),
        SamlKeys(database, sealer, base.audit, clock),
    )
    partners = SamlPartners(providers, saml_keys, base.settings.host)
    oidc = OidcPartners(base.http, base.published_keys, sign_for_tenants(base.keys), clock)
    pending = PendingRequests(database, sealer, digests, clock)
    departures = Departures(
        base.zones,
        providers,
        {
            Kind.SAML: SamlDeparture(partners, pending, base.pages, clock),
            Kind.OIDC: OidcDeparture(base.settings, oidc, pending, clock),
        },
    )
    return Trust(
        providers=providers,
        shadow_users=ShadowUsers(database, base.users, clock),
        saml_keys=saml_keys,
        partners=partners,
        oidc=oidc,
        pending=pending,
        provider_sessions=ProviderSessions(database, sealer, digests, base.login_sessions),
        departures=departures,
        refresh=TrustRefresh(base.http, providers, oidc, clock),
    )


def trust_routes(base: Foundation, trust: Trust, flow: LoginFlow) -> list[Route]:
    """Return where providers answer; a login from there goes on in the flow of all logins."""
    arrival = Arrival(base.attempts, base.login_sessions, trust.provider_sessions, trust.shadow_users, flow, base.audit)
    saml = SamlEndpoints(
        base.settings,
        base.zones,
        trust.providers,
        trust.partners,
        trust.pending,
        trust.provider_sessions,
        base.seen,
        arrival,
        flow,
        base.pages,
        base.clock,
    )
    relying_party = OidcEndpoints(
        base.settings,
        base.zones,
        trust.providers,
        trust.oidc,
        trust.pending,
        arrival,
        trust.provider_sessions,
        base.seen,
        base.clock,
    )
    return [*saml.routes(), *relying_party.routes()]
