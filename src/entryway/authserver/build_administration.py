"""Puts together what administrators, the broker and the landscape ask: build's part for their interfaces."""

from __future__ import annotations

from starlette.routing import Route

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
from entryway.authserver.build_foundation import Foundation
from entryway.authserver.build_tokens import Tokens
from entryway.authserver.build_trust import Trust
from entryway.authserver.rest.build import Administration
from entryway.authserver.rest.callers import Callers
from entryway.authserver.rest.public_settings import PublicSettings
from entryway.authserver.tenant_branding import TenantBrandings
from entryway.authserver.tenant_browsing import TenantBrowsing
from entryway.authserver.token_policies import TokenPolicies
from entryway.authserver.trust.migration import TrustMigration


def administration_routes(  # noqa: PLR0917 - values, not a bag
    base: Foundation,
    trust: Trust,
    tokens: Tokens,
    applications: Applications,
    brandings: TenantBrandings,
    browsing: TenantBrowsing,
) -> list[Route]:
    """Return where they ask."""
    settings, database, clock, audit = base.settings, base.database, base.clock, base.audit
    bearer, keys = tokens.bearer, base.keys
    proofs = Proofs(base.sealer, base.digests, BindingAuthorities(base.sealer, clock), settings, clock)
    bindings = Bindings(database, proofs, keys, settings, audit)
    people = People(database, base.passwords, audit, clock)
    admin = AdminEndpoints(bearer, applications, bindings, people, base.users, base.clients, tokens.granting, clock)
    policies = TokenPolicies(database, audit)
    landscape = Tenants(database, settings, base.zones, keys, audit, clock)
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
        base.passwords,
        Callers(bearer, administration_limits(settings)),
        base.clients,
        applications,
        bindings,
        landscape,
        policies,
        keys,
        trust.providers,
        trust.refresh,
        TrustMigration(database, base.sealer, trust.providers, audit, clock),
        brandings,
        browsing,
        trust.saml_keys,
        audit,
        clock,
        settings.identity_providers,
    )
    return [
        *admin.routes(),
        *TokenPolicyEndpoints(bearer, policies).routes(),
        *tenants.routes(),
        *PublicSettings(base.zones, browsing).routes(),
        *administration.routes(),
    ]
