"""Everything that a route may lead to beyond the router: destinations, company networks, services."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from entryway.clients.destinations import DestinationsClient
from entryway.router.authority import IAS, Authorities
from entryway.router.backends import Backend, Backends, OnPremiseBackend
from entryway.router.build_services import (
    business_services,
    repository_files,
)
from entryway.router.callers import Callers
from entryway.router.company_network import ClientToken, CompanyNetwork
from entryway.router.configuration import RouterConfiguration
from entryway.router.corporate_tokens import CorporateTokens
from entryway.router.dependencies import Dependencies
from entryway.router.destination_service import ServiceDestinations
from entryway.router.destination_stores import open_stores
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.origins import TlsContexts, backend_of_user, environment_backend
from entryway.router.service_timeouts import service_timeout
from entryway.router.sessions import Session
from entryway.router.tenant_tokens import TenantTokens
from entryway.router.uaa import Uaa


def build_backends(  # noqa: PLR0917 - values, not a bag
    configuration: RouterConfiguration,
    authorities: Authorities,
    tls: TlsContexts,
    callers: Callers,
    own_tokens: list[ClientToken],
    clock: Callable[[], float],
) -> Backends:
    """Return what resolves the destination of a route; `own_tokens` gets the tokens that it will need."""
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
    exchanged = ExchangedTokens(clock)
    dependencies = None if IAS not in authorities.by_kind else Dependencies(authorities, exchanged)
    corporate = None
    if environment.forward_corporate_token and IAS in authorities.by_kind:
        corporate = CorporateTokens(authorities, exchanged)
    direct: dict[str, Backend] = {}
    of_user: dict[str, Callable[[Session | None], Backend]] = {}
    on_premise: dict[str, OnPremiseBackend] = {}
    for name, destination in environment.destinations.items():
        if destination.on_premise and company is not None:
            on_premise[name] = partial(company.environment_backend, destination)
        elif (
            destination.forward_auth_certificates
            or destination.ias_dependency_name is not None
            or (corporate is not None and destination.forward_auth_token)
        ):
            of_user[name] = backend_of_user(destination, tls)
        else:
            direct[name] = environment_backend(destination, tls)
    others = business_services(
        configuration.business_services,
        callers,
        tls,
        own_tokens,
        clock,
        exchanged,
        dependencies,
        configuration.services.uaa,
    )
    pattern, files = environment.destination_host_pattern, repository_files(others)
    custom = environment.external_reverse_proxy
    return Backends(direct, on_premise, service, pattern, others, files, of_user, dependencies, corporate, custom)
