"""Everything that configures a router, read once: `xs-app.json`, environment variables and bound services.

Mistakes are collected across all of them, so that one start names every one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from entryway.config.bindings import (
    Binding,
    read_bindings,
    read_default_env,
)
from entryway.config.business_services import (
    BusinessService,
    read_business_services,
)
from entryway.config.environment_model import RouterEnvironment
from entryway.config.external_sessions import SessionStoreSettings, read_external_sessions
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.operation import Operation, read_operation, worker_mistakes
from entryway.config.subscription_callbacks import SubscriptionCallbacks, read_subscription_callbacks
from entryway.config.subscription_manager import ManagerCallbacks, read_manager_callbacks
from entryway.config.xs_app import (
    XS_APP,
    Route,
    XsApp,
    parse_xs_app,
)
from entryway.config.xs_app_environment import read_environment
from entryway.config.xs_app_plugins import parse_plugins
from entryway.router.bound_services import Services, collect, read_services
from entryway.router.deciding import decision_mistakes
from entryway.router.environment_mistakes import (
    back_channel_mistakes,
    callback_mistakes,
    environment_mistakes,
    manager_mistakes,
    service_session_warnings,
    service_token_warnings,
)
from entryway.router.replace import replace_mistakes
from entryway.router.route_mistakes import plugin_mistakes, route_mistakes, service_logout_mistakes
from entryway.router.watched_files import Stamps, stamps_of

DESTINATIONS = "destinations"


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
    manager_callbacks: ManagerCallbacks | None = None
    """What a subscription manager calls, if one is bound."""
    stamps: Stamps = ()
    """Which versions of the files it was read from."""

    @property
    def development(self) -> bool:
        """Whether this is somebody's own machine."""
        return self.environ.get("NODE_ENV") == "development"


def read_configuration(workdir: Path, environ: Mapping[str, str]) -> RouterConfiguration:
    """Return the configuration, or raise ConfigurationMistakes with every mistake in it."""
    mistakes: list[Mistake] = []
    stamps = stamps_of(workdir)  # first: what is written from now on is to be read again
    environ = collect(lambda: read_default_env(workdir, environ), dict(environ), mistakes)
    read_all = not mistakes
    xs_app, wrong = parse_xs_app(workdir / XS_APP)
    mistakes += wrong
    environment, wrong = read_environment(environ)
    mistakes += wrong
    # What a value that cannot be read would have defined is not called missing.
    read_all = read_all and not any(DESTINATIONS in mistake.file for mistake in wrong)
    none: list[Binding] = []
    bindings = tuple(collect(lambda: read_bindings(environ, workdir), none, mistakes))
    services = read_services(bindings, environ, mistakes)
    usable = read_business_services(bindings, () if xs_app is None else xs_app.service_names)
    callbacks = collect(lambda: read_subscription_callbacks(bindings), None, mistakes)
    mistakes += callback_mistakes(callbacks, environment, services)
    manager_callbacks = collect(lambda: read_manager_callbacks(bindings), None, mistakes)
    mistakes += manager_mistakes(manager_callbacks, environment)
    operation, wrong = read_operation(environ)
    mistakes += wrong
    session_store, wrong = read_external_sessions(environ, bindings)
    mistakes += wrong
    mistakes += service_session_warnings(environment, shared=session_store is not None)
    mistakes += worker_mistakes(operation, shares_sessions=session_store is not None)
    plugins, wrong = parse_plugins(environment.plugins)
    mistakes += wrong
    if xs_app is not None:
        mistakes += route_mistakes(xs_app, environment, services, bindings) if read_all else []
        mistakes += service_logout_mistakes(xs_app, usable)
        mistakes += back_channel_mistakes(xs_app, services)
        mistakes += service_token_warnings(bindings, services)
        mistakes += replace_mistakes(xs_app.routes, bindings)
    mistakes += plugin_mistakes(plugins, environment, services) if read_all else []
    mistakes += environment_mistakes(environment, services)
    mistakes += decision_mistakes(environment)
    mistakes = list(dict.fromkeys(mistakes))  # two routes may lead to one mistake
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
        manager_callbacks=manager_callbacks,
        stamps=stamps,
    )


def line_of(mistake: Mistake) -> str:
    """Write a mistake in the form that users of such files know: `document/pointer: rule`."""
    text = f"{mistake.file}{mistake.path}: {mistake.rule}"
    return f"{text} ({mistake.suggestion})" if mistake.suggestion else text
