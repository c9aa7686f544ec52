"""Settings and bound services that do not go together, or have no effect."""

from __future__ import annotations

from collections.abc import Sequence

from entryway.config.bindings import (
    Binding,
)
from entryway.config.business_services import (
    CLOUD_SERVICE,
)
from entryway.config.environment_model import RouterEnvironment, ServiceSessionSettings
from entryway.config.mistakes import Mistake
from entryway.config.subscription_callbacks import SubscriptionCallbacks
from entryway.config.subscription_manager import ManagerCallbacks
from entryway.config.xs_app import (
    XS_APP,
    XsApp,
)
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.router.bound_services import Services

NO_EFFECT = "this setting has no effect here"


def environment_mistakes(environment: RouterEnvironment, services: Services) -> list[Mistake]:
    """Return the settings that lack a service, and those that have no effect with the services that are bound."""
    mistakes = []
    if services.connectivity is None:
        mistakes += [
            Mistake(
                "environment-destinations",
                "",
                "Format validation failed (proxyType OnPremise needs a connectivity service)",
                f'in destination "{destination.name}"; bind one',
            )
            for destination in environment.destinations.values()
            if destination.on_premise
        ]
    if environment.forward_corporate_token and services.identity is None:
        reason = "it is for users of an identity service, and none is bound (label identity)"
        mistakes.append(Mistake("ENABLE_FORWARD_CORPORATE_IDP_TOKEN", "", NO_EFFECT, reason, "warning"))
    mistakes += _certificate_warnings(environment, services)
    mistakes += _identity_warnings(environment, services)
    if services.uaa is not None and services.uaa.tenantmode == "shared" and environment.tenant_host_pattern is None:
        rule = "UAA tenant mode is shared, but environment variable TENANT_HOST_PATTERN is not set"
        mistakes.append(Mistake("environment-settings", "/tenantHostPattern", rule))
    return mistakes


def callback_mistakes(
    callbacks: SubscriptionCallbacks | None, environment: RouterEnvironment, services: Services
) -> list[Mistake]:
    """Warn of a SaaS registry whose callbacks cannot be answered."""
    if callbacks is None:
        return []
    if services.uaa is None:
        rule = "a SaaS registry is bound, and no service with the tag xsuaa: its callbacks cannot be checked"
        return [Mistake("environment-settings", "", rule, "bind one; until then they are not answered", "warning")]
    if environment.tenant_host_pattern is None:
        rule = "a SaaS registry is bound, and TENANT_HOST_PATTERN is not set: tenants have no address of their own"
        return [Mistake("environment-settings", "/tenantHostPattern", rule, "", "warning")]
    return []


def manager_mistakes(callbacks: ManagerCallbacks | None, environment: RouterEnvironment) -> list[Mistake]:
    """Warn of a subscription manager whose callbacks cannot be answered, or that anybody could play."""
    if callbacks is None:
        return []
    warnings = []
    if callbacks.subject is None or callbacks.issuer is None:
        rule = "a subscription manager is bound, and its binding does not say which certificate it shows"
        needed = "callback_certificate_subject and callback_certificate_issuer; until then its calls are not answered"
        warnings.append(Mistake("environment-settings", "", rule, needed, "warning"))
    if environment.tenant_host_pattern is None:
        rule = "a subscription manager is bound, and TENANT_HOST_PATTERN is not set: tenants have no own address"
        warnings.append(Mistake("environment-settings", "/tenantHostPattern", rule, "", "warning"))
    if environment.trusted_proxies is None:
        rule = "a subscription manager is bound, and its certificate is believed from everybody who writes the header"
        warnings.append(Mistake("TRUSTED_PROXIES", "", rule, "name the front end's addresses", "warning"))
    return warnings


def back_channel_mistakes(xs_app: XsApp, services: Services) -> list[Mistake]:
    """Warn of an endpoint that nobody will call."""
    if xs_app.logout.back_channel_endpoint is None or services.identity is not None:
        return []
    place = "/logout/backChannelLogoutEndpoint"
    return [Mistake(XS_APP, place, NO_EFFECT, "it is for a bound identity service (label identity)", "warning")]


def _identity_warnings(environment: RouterEnvironment, services: Services) -> list[Mistake]:
    """Warn of what an identity service is known for elsewhere and has no effect here."""
    warnings = [
        Mistake(
            "environment-destinations",
            "/IASDependencyName",
            NO_EFFECT,
            f'in destination "{destination.name}": {reason}',
            "warning",
        )
        for destination in environment.destinations.values()
        if destination.ias_dependency_name is not None and (reason := _why_no_dependency(destination, services))
    ]
    unknown = services.identity is not None and services.identity.tenant_api is None
    if environment.tenant_host_pattern is not None and unknown:
        reason = "users of the identity service log in at the tenant of its binding"
        reason += "; other tenants need btp-tenant-api in it"
        warnings.append(Mistake("environment-settings", "/tenantHostPattern", NO_EFFECT, reason, "warning"))
    return warnings


def _why_no_dependency(destination: EnvironmentDestination, services: Services) -> str | None:
    if services.identity is None:
        return "it is for users of an identity service, and none is bound (label identity)"
    return "what lies in a company network gets no user's token" if destination.on_premise else None


def _certificate_warnings(environment: RouterEnvironment, services: Services) -> list[Mistake]:
    """Warn of destinations that are to see a certificate, where there is none or no TLS to show it in."""
    bound = (services.uaa, services.identity)
    missing = not any(each is not None and each.certificate and each.key for each in bound)
    warnings = []
    for destination in environment.destinations.values():
        if not destination.forward_auth_certificates:
            continue
        encrypted = destination.url.startswith(("https:", "wss:")) and not destination.on_premise
        if missing or not encrypted:
            rule = f"Destination {destination.name} is configured to forward authentication certificates"
            reason = "no bound authentication service has one" if missing else "it is not reached by TLS"
            place = "/forwardAuthCertificates"
            warnings.append(Mistake("environment-destinations", place, f"{rule}, but {reason}", "", "warning"))
    return warnings


def service_token_warnings(bindings: Sequence[Binding], services: Services) -> list[Mistake]:
    """Warn of bindings that want the token of an identity service, where that cannot be had or is not asked about."""
    warnings = []
    for binding in bindings:
        if CLOUD_SERVICE not in binding.credentials:
            continue
        reason = None
        if services.identity is None:
            reason = "it is for users of an identity service, and none is bound (label identity)"
        elif binding.credentials.get("grant_type", "user_token") != "user_token":
            reason = "it counts with the grant type user_token"
        if reason is not None:
            warnings += [
                Mistake(binding.file, f"{binding.path}/{name}", NO_EFFECT, f'"{binding.name}": {reason}', "warning")
                for name in ("forwardiastoken", "forwardiasauthentication", "IASDependencyName")
                if binding.credentials.get(name)
            ]
    return warnings


def service_session_warnings(environment: RouterEnvironment, *, shared: bool) -> list[Mistake]:
    """Warn of settings for the sessions of calling services, where there is no store to keep them in."""
    settings = environment.service_sessions
    if shared or settings == ServiceSessionSettings():
        return []
    names = {
        "SVC2AR_EXTERNAL_SESSION_ID_SECRET": bool(settings.secrets),
        "SVC2AR_DIRECT_EXT_SESSION_ID_USAGE": settings.unsigned,
        "SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED": settings.sets_cookie,
        "SVC2AR_STORE_CSRF_IN_EXTERNAL_SESSION": settings.keeps_csrf_token,
        "STORE_SESSION_COOKIES_IN_EXTERNAL_SESSION_STORE": settings.keeps_cookies,
    }
    hint = "sessions of services are kept in the store of shared sessions: EXT_SESSION_MGT"
    return [Mistake(name, "", NO_EFFECT, hint, "warning") for name, is_set in names.items() if is_set]
