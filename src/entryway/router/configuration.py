"""Everything that configures a router, read once: `xs-app.json`, environment variables and bound services.

Mistakes are collected across all of them, so that one start names every one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from entryway.config.bindings import (
    Binding,
    ConnectivityCredentials,
    DestinationCredentials,
    UaaCredentials,
    find_service,
    find_uaa,
    read_bindings,
    read_default_env,
)
from entryway.config.business_services import (
    CLOUD_SERVICE,
    BusinessService,
    cannot_log_on,
    find_business_service,
    parse_business_service,
    read_business_services,
)
from entryway.config.environment_model import RouterEnvironment, ServiceSessionSettings
from entryway.config.external_sessions import SessionStoreSettings, read_external_sessions
from entryway.config.header_rules import header_rule
from entryway.config.identity import IdentityCredentials, find_identity
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.operation import Operation, read_operation, worker_mistakes
from entryway.config.schema import did_you_mean, pointer
from entryway.config.subscription_callbacks import SubscriptionCallbacks, read_subscription_callbacks
from entryway.config.xs_app import (
    USER_API,
    XS_APP,
    Route,
    ToApplication,
    ToDestination,
    ToService,
    XsApp,
    parse_xs_app,
)
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.config.xs_app_environment import read_environment
from entryway.config.xs_app_plugins import parse_plugins
from entryway.router.deciding import decision_mistakes
from entryway.router.replace import replace_mistakes

NO_EFFECT = "this setting has no effect here"
Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Services:
    """The bound services that the router speaks to."""

    uaa: UaaCredentials | None = None
    destination: DestinationCredentials | None = None
    connectivity: ConnectivityCredentials | None = None
    identity: IdentityCredentials | None = None
    unusable: bool = False
    """Whether one of them is bound with credentials that cannot be used, which is said already."""


@dataclass(frozen=True, slots=True)
class RouterConfiguration:
    """A configuration without mistakes."""

    workdir: Path
    environ: Mapping[str, str] = field(repr=False)
    xs_app: XsApp
    environment: RouterEnvironment
    services: Services
    bindings: tuple[Binding, ...] = field(repr=False)
    plugins: tuple[Route, ...]
    warnings: tuple[Mistake, ...]
    business_services: Mapping[str, BusinessService] = field(default_factory=dict, repr=False)
    session_store: SessionStoreSettings | None = None
    """Where sessions are kept that several routers share; None: in this process."""
    operation: Operation = field(default_factory=Operation)
    callbacks: SubscriptionCallbacks | None = None
    """What a SaaS registry calls, if one is bound."""

    @property
    def development(self) -> bool:
        """Whether this is somebody's own machine."""
        return self.environ.get("NODE_ENV") == "development"


def read_configuration(workdir: Path, environ: Mapping[str, str]) -> RouterConfiguration:
    """Return the configuration, or raise ConfigurationMistakes with every mistake in it."""
    mistakes: list[Mistake] = []
    environ = _collect(lambda: read_default_env(workdir, environ), dict(environ), mistakes)
    xs_app, wrong = parse_xs_app(workdir / XS_APP)
    mistakes += wrong
    environment, wrong = read_environment(environ)
    mistakes += wrong
    none: list[Binding] = []
    bindings = tuple(_collect(lambda: read_bindings(environ, workdir), none, mistakes))
    services = _services(bindings, environ, mistakes)
    usable, _ = read_business_services(bindings)
    callbacks = _collect(lambda: read_subscription_callbacks(bindings), None, mistakes)
    mistakes += _callback_mistakes(callbacks, environment, services)
    operation, wrong = read_operation(environ)
    mistakes += wrong
    session_store, wrong = read_external_sessions(environ, bindings)
    mistakes += wrong
    mistakes += _service_session_warnings(environment, shared=session_store is not None)
    mistakes += worker_mistakes(operation, shares_sessions=session_store is not None)
    plugins, wrong = parse_plugins(environment.plugins)
    mistakes += wrong
    if xs_app is not None:
        mistakes += route_mistakes(xs_app, environment, services, bindings)
        mistakes += _service_logout_mistakes(xs_app, usable)
        mistakes += _header_mistakes(xs_app)
        mistakes += _back_channel_mistakes(xs_app, services)
        mistakes += _service_token_warnings(bindings, services)
        mistakes += replace_mistakes(xs_app.routes, bindings)
    mistakes += _plugin_mistakes(plugins, environment, services)
    mistakes += _environment_mistakes(environment, services)
    mistakes += decision_mistakes(environment)
    errors = [mistake for mistake in mistakes if mistake.severity == "error"]
    if errors or xs_app is None:
        raise ConfigurationMistakes(errors)
    warnings = tuple(mistake for mistake in mistakes if mistake.severity == "warning")
    return RouterConfiguration(
        workdir,
        environ,
        xs_app,
        environment,
        services,
        bindings,
        plugins,
        warnings,
        business_services=usable,
        session_store=session_store,
        operation=operation,
        callbacks=callbacks,
    )


def line_of(mistake: Mistake) -> str:
    """Write a mistake in the form that users of such files know: `document/pointer: rule`."""
    text = f"{mistake.file}{mistake.path}: {mistake.rule}"
    return f"{text} ({mistake.suggestion})" if mistake.suggestion else text


def route_mistakes(
    xs_app: XsApp, environment: RouterEnvironment, services: Services, bindings: Sequence[Binding]
) -> list[Mistake]:
    """Return the mistakes that show only when the routes meet the environment."""
    return [
        mistake
        for route in xs_app.routes
        for mistake in (
            *_goal_mistakes(route, environment, services, bindings),
            *_login_mistakes(route, xs_app, services),
        )
    ]


def _goal_mistakes(
    route: Route, environment: RouterEnvironment, services: Services, bindings: Sequence[Binding]
) -> list[Mistake]:
    goal = route.goal
    if isinstance(goal, ToDestination) and not _is_known(goal, environment, services):
        rule = f'Format validation failed (Route references unknown destination "{goal.name}")'
        hint = did_you_mean(goal.name, list(environment.destinations))
        hint = hint or "define it in the variable destinations, or bind a destination service"
        return [Mistake(XS_APP, route.place, rule, hint)]
    if isinstance(goal, ToApplication):
        return _service_mistakes(route, ToService(goal.name), bindings)
    if isinstance(goal, ToService) and goal.name != USER_API:
        return _service_mistakes(route, goal, bindings)
    return []


def _service_mistakes(route: Route, goal: ToService, bindings: Sequence[Binding]) -> list[Mistake]:
    binding = find_business_service(bindings, goal.name)
    if binding is None:
        rule = f"A route requires access to {goal.name} service but the service is not bound."
        names = [USER_API, *(str(name) for bound in bindings if (name := bound.credentials.get(CLOUD_SERVICE)))]
        return [Mistake(XS_APP, route.place, rule, did_you_mean(goal.name, names))]
    try:
        service = parse_business_service(binding)
    except ConfigurationMistakes as found:
        return list(found.mistakes)
    if service.credentials.endpoint(goal.endpoint) is None:
        wanted = f"attribute named {goal.endpoint}" if goal.endpoint is not None else "url or uri"
        rule = f"Format validation failed (Endpoint object has no {wanted} for service {goal.name})"
        hint = did_you_mean(goal.endpoint or "", list(service.credentials.endpoints))
        return [Mistake(XS_APP, route.place, rule, hint)]
    if cannot_log_on(service):
        rule = (
            f'binding "{binding.name}": the grant type {service.credentials.grant_type} needs an OAuth client (uaa): '
            "every request to the service fails"
        )
        return [Mistake(XS_APP, route.place, rule, "", "warning")]
    if service.credentials.grant_type == "user_token" and route.login == "none":
        rule = (
            f"the service {goal.name} needs a user's token, and this route is public: without a session it is refused"
        )
        return [Mistake(XS_APP, f"{route.place}/authenticationType", rule, "", "warning")]
    return []


def _callback_mistakes(
    callbacks: SubscriptionCallbacks | None, environment: RouterEnvironment, services: Services
) -> list[Mistake]:
    if callbacks is None:
        return []
    if services.uaa is None:
        rule = "a SaaS registry is bound, and no service with the tag xsuaa: its callbacks cannot be checked"
        return [Mistake("environment-settings", "", rule, "bind one; until then they are not answered", "warning")]
    if environment.tenant_host_pattern is None:
        rule = "a SaaS registry is bound, and TENANT_HOST_PATTERN is not set: tenants have no address of their own"
        return [Mistake("environment-settings", "/tenantHostPattern", rule, "", "warning")]
    return []


def _service_logout_mistakes(xs_app: XsApp, usable: Mapping[str, BusinessService]) -> list[Mistake]:
    mistakes = []
    for name, logout in xs_app.service_logouts.items():
        service, place = usable.get(name), pointer(["services", name])
        if service is None:
            mistakes.append(
                Mistake(XS_APP, place, "no such service is bound: it is not told of logouts", "", "warning")
            )
        elif service.credentials.endpoint(logout.endpoint) is None:
            rule = f"Endpoint object has no attribute named {logout.endpoint} for service {name}"
            mistakes.append(Mistake(XS_APP, place, f"Format validation failed ({rule})"))
    return mistakes


def _is_known(goal: ToDestination, environment: RouterEnvironment, services: Services) -> bool:
    if goal.template is not None or services.destination is not None or goal.name in environment.destinations:
        return True
    return goal.name == "*" and environment.destination_host_pattern is not None


def _login_mistakes(route: Route, xs_app: XsApp, services: Services) -> list[Mistake]:
    if xs_app.authentication == "none" or services.unusable:
        return []
    place = f"{route.place}/authenticationType"
    if route.login in ("xsuaa", "basic") and services.uaa is None:
        rule = "Format validation failed (No UAA service found)"
        return [Mistake(XS_APP, place, rule, "bind a service with the tag xsuaa")]
    if route.login == "ias" and services.identity is None:
        rule = "Format validation failed (No IAS service found)"
        return [Mistake(XS_APP, place, rule, "bind a service with the label identity, or use xsuaa")]
    return []


def _plugin_mistakes(plugins: Sequence[Route], environment: RouterEnvironment, services: Services) -> list[Mistake]:
    return [
        Mistake(
            "plugins", plugin.place, f'Format validation failed (Plugin references destination "{plugin.goal.name}")'
        )
        for plugin in plugins
        if isinstance(plugin.goal, ToDestination) and not _is_known(plugin.goal, environment, services)
    ]


def _back_channel_mistakes(xs_app: XsApp, services: Services) -> list[Mistake]:
    if xs_app.logout.back_channel_endpoint is None or services.identity is not None:
        return []
    place = "/logout/backChannelLogoutEndpoint"
    return [Mistake(XS_APP, place, NO_EFFECT, "it is for a bound identity service (label identity)", "warning")]


def _environment_mistakes(environment: RouterEnvironment, services: Services) -> list[Mistake]:
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
    mistakes += _certificate_warnings(environment, services)
    mistakes += _identity_warnings(environment, services)
    if services.uaa is not None and services.uaa.tenantmode == "shared" and environment.tenant_host_pattern is None:
        rule = "UAA tenant mode is shared, but environment variable TENANT_HOST_PATTERN is not set"
        mistakes.append(Mistake("environment-settings", "/tenantHostPattern", rule))
    return mistakes


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
    alone = services.uaa is None and services.identity is not None and services.identity.tenant_api is not None
    if environment.tenant_host_pattern is not None and services.identity is not None and not alone:
        reason = "users of the identity service log in at the tenant of its binding"
        if services.uaa is None:
            reason += "; other tenants need btp-tenant-api in it"
        warnings.append(Mistake("environment-settings", "/tenantHostPattern", NO_EFFECT, reason, "warning"))
    return warnings


def _why_no_dependency(destination: EnvironmentDestination, services: Services) -> str | None:
    if services.identity is None:
        return "it is for users of an identity service, and none is bound (label identity)"
    return "what lies in a company network gets no user's token" if destination.on_premise else None


def _service_token_warnings(bindings: Sequence[Binding], services: Services) -> list[Mistake]:
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


def _service_session_warnings(environment: RouterEnvironment, *, shared: bool) -> list[Mistake]:
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


def _header_mistakes(xs_app: XsApp) -> list[Mistake]:
    return [
        Mistake(XS_APP, f"/responseHeaders/{index}", f"Format validation failed ({rule})")
        for index, (name, value) in enumerate(xs_app.response_headers)
        if (rule := header_rule(name, value))
    ]


def _services(bindings: Sequence[Binding], environ: Mapping[str, str], mistakes: list[Mistake]) -> Services:
    before = len(mistakes)
    uaa = _collect(lambda: find_uaa(bindings, environ), None, mistakes)
    found = (
        _parsed(uaa, UaaCredentials, mistakes),
        _parsed(find_service(bindings, "destination"), DestinationCredentials, mistakes),
        _parsed(find_service(bindings, "connectivity"), ConnectivityCredentials, mistakes),
        _collect(lambda: find_identity(bindings, environ), None, mistakes),
    )
    return Services(*found, unusable=len(mistakes) > before)


def _parsed(binding: Binding | None, model: type[Model], mistakes: list[Mistake]) -> Model | None:
    return None if binding is None else _collect(lambda: binding.parse(model), None, mistakes)


def _collect(read: Callable[[], Result], otherwise: Result, mistakes: list[Mistake]) -> Result:
    try:
        return read()
    except ConfigurationMistakes as found:
        mistakes += found.mistakes
        return otherwise
