"""What `explain` is asked about, and what it goes by: a request, and as much of a configuration as could be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from entryway.config.business_services import BusinessService
from entryway.config.environment_model import RouterEnvironment
from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.subscription_callbacks import SubscriptionCallbacks
from entryway.config.subscription_manager import ManagerCallbacks
from entryway.config.xs_app import LoginKind, Route, XsApp, read_xs_app
from entryway.config.xs_app_model import XS_APP
from entryway.errors import ConfigurationError
from entryway.router.bound_services import Services
from entryway.router.configuration import read_configuration


@dataclass(frozen=True, slots=True)
class Asked:
    """The request."""

    method: str
    target: str
    """Path and query."""
    host: str = ""
    """As the URL has it; empty if only a path was given."""
    scheme: str = ""

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Known:
    """The configuration; what could not be read is as if nothing were said."""

    xs_app: XsApp
    environment: RouterEnvironment = field(default_factory=RouterEnvironment)
    services: Services = field(default_factory=Services)
    plugins: tuple[Route, ...] = ()
    business_services: Mapping[str, BusinessService] = field(default_factory=dict)
    callbacks: SubscriptionCallbacks | None = None
    manager_callbacks: ManagerCallbacks | None = None
    shares_sessions: bool = False
    complete: bool = False
    """Whether the environment could be read, so that what is not in it is not there."""
    unchecked: tuple[str, ...] = ()
    """Why it could not."""

    @property
    def login(self) -> LoginKind:
        """The kind of login of routes that name none."""
        return "xsuaa" if self.services.identity is None else "ias"

    @property
    def xsappname(self) -> str:
        """What `$XSAPPNAME` stands for."""
        return self.services.uaa.xsappname if self.services.uaa else "$XSAPPNAME"


def read_asked(method: str, url: str) -> Asked:
    """Return the request that a method and a path or URL mean."""
    if any("\ud800" <= letter <= "\udfff" for letter in url):  # Python's way to keep bytes that are none
        raise ConfigurationError(f"{url!a} is not UTF-8: percent-encode it")
    if "://" not in url:
        return Asked(method.upper(), url if url.startswith("/") else f"/{url}")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"{url} is no URL: {error}") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Asked(method.upper(), target, parts.netloc, parts.scheme)


def read_known(app: XsApp | Path, environ: Mapping[str, str]) -> Known:
    """Return the configuration of a folder, or of a file alone; raise ConfigurationMistakes if the file has some."""
    if isinstance(app, XsApp):
        return Known(app)
    try:
        configuration = read_configuration(app, environ)
    except ConfigurationMistakes as wrong:
        # The file alone decides about routes; what the environment lacks is only mentioned.
        why = tuple(f"not checked against the environment: {mistake.rule}" for mistake in wrong.mistakes[:3])
        return Known(read_xs_app(app / XS_APP), unchecked=why)
    return Known(
        configuration.xs_app,
        configuration.environment,
        configuration.services,
        configuration.plugins,
        configuration.business_services,
        configuration.callbacks,
        configuration.manager_callbacks,
        configuration.session_store is not None,
        complete=True,
    )
