"""Mistakes that show only when `xs-app.json` meets the environment: in routes, plugins and what follows a logout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entryway.config.bindings import (
    Binding,
)
from entryway.config.business_services import (
    CLOUD_SERVICE,
    BusinessService,
    cannot_log_on,
    check_endpoint,
    find_business_services,
    parse_business_service,
)
from entryway.config.environment_model import RouterEnvironment
from entryway.config.mistakes import ConfigurationMistakes, Mistake, Severity
from entryway.config.schema import did_you_mean, pointer
from entryway.config.xs_app import (
    USER_API,
    XS_APP,
    Route,
    ToApplication,
    ToDestination,
    ToService,
    XsApp,
)
from entryway.router.bound_services import Services


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
        # Which name a pattern stands for shows with requests.
        severity: Severity = "warning" if goal.name == "*" or "$" in goal.name else "error"
        return [Mistake(XS_APP, route.place, rule, hint, severity)]
    if isinstance(goal, ToApplication):
        return _service_mistakes(route, ToService(goal.name), bindings)
    if isinstance(goal, ToService) and goal.name != USER_API:
        return _service_mistakes(route, goal, bindings)
    return []


def _service_mistakes(route: Route, goal: ToService, bindings: Sequence[Binding]) -> list[Mistake]:
    found = find_business_services(bindings, goal.name)
    if not found:
        rule = f"A route requires access to {goal.name} service but the service is not bound."
        names = [USER_API, *(str(name) for bound in bindings if (name := bound.credentials.get(CLOUD_SERVICE)))]
        return [Mistake(XS_APP, route.place, rule, did_you_mean(goal.name, names))]
    if len(found) > 1:
        several = ", ".join(sorted(binding.name for binding in found))
        rule = f"Format validation failed (Several bound services are called {goal.name}: {several})"
        return [Mistake(XS_APP, route.place, rule, "name one by a sap.cloud.service, alias or tag of its own")]
    try:
        return _binding_mistakes(route, goal, found[0])
    except ConfigurationMistakes as wrong:
        return list(wrong.mistakes)


def _binding_mistakes(route: Route, goal: ToService, binding: Binding) -> list[Mistake]:
    service = parse_business_service(binding)
    if service.credentials.endpoint(goal.endpoint) is None:
        check_endpoint(binding, goal.endpoint)
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


def plugin_mistakes(plugins: Sequence[Route], environment: RouterEnvironment, services: Services) -> list[Mistake]:
    """Return the plugins whose destination nobody knows."""
    return [
        Mistake(
            "plugins", plugin.place, f'Format validation failed (Plugin references destination "{plugin.goal.name}")'
        )
        for plugin in plugins
        if isinstance(plugin.goal, ToDestination) and not _is_known(plugin.goal, environment, services)
    ]


def _is_known(goal: ToDestination, environment: RouterEnvironment, services: Services) -> bool:
    if goal.template is not None or services.destination is not None or goal.name in environment.destinations:
        return True
    return goal.name == "*" and environment.destination_host_pattern is not None


def service_logout_mistakes(xs_app: XsApp, usable: Mapping[str, BusinessService]) -> list[Mistake]:
    """Return the services that cannot be told of logouts, though `xs-app.json` names them."""
    mistakes = []
    for name, logout in xs_app.service_logouts.items():
        service, place = usable.get(name), pointer(["services", name])
        if service is None:
            mistakes.append(
                Mistake(XS_APP, place, "no such service is bound: it is not told of logouts", "", "warning")
            )
        elif service.credentials.endpoint(logout.endpoint) is None:
            wanted = "url or uri" if logout.endpoint is None else f"endpoint {logout.endpoint}"
            rule = f"the binding has no {wanted}: the service is not told of logouts"
            mistakes.append(Mistake(XS_APP, place, rule, "", "warning"))
    return mistakes
