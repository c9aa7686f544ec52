"""What it means to have an instance of each service: one file for each, and the table that lists them."""

from __future__ import annotations

from collections.abc import Mapping

from entryway.broker.offerings.connectivity import ConnectivityOffering
from entryway.broker.offerings.destination import DestinationOffering
from entryway.broker.offerings.identity import IdentityOffering
from entryway.broker.offerings.kind import Offering
from entryway.broker.offerings.xsuaa import ApiAccessOffering, XsuaaOffering
from entryway.broker.settings import BrokerSettings
from entryway.broker.tenant import Tenant
from entryway.clients.applications import ApplicationsClient
from entryway.clients.identity_provider import IdentityProviderClient
from entryway.clients.tokens import TokenClient


def build_offerings(
    settings: BrokerSettings,
    applications: ApplicationsClient,
    tokens: TokenClient,
    tenant: Tenant,
    provider: IdentityProviderClient,
) -> Mapping[str, Offering]:
    """Return the offerings by service and plan."""
    proxy = (settings.onpremise_proxy_host, settings.onpremise_proxy_port)
    return {
        "xsuaa/application": XsuaaOffering(applications, "application"),
        "xsuaa/broker": XsuaaOffering(applications, "broker"),
        "xsuaa/apiaccess": ApiAccessOffering(applications),
        "destination/lite": DestinationOffering(applications, tokens, settings.destination_uri),
        "connectivity/lite": ConnectivityOffering(applications, *proxy),
        "identity/application": IdentityOffering(provider, tenant),
    }
