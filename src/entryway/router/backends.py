"""Where a request goes on to: a destination of the environment, one that the destination service knows, or neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from entryway.config.js_regex import JsRegex
from entryway.config.xs_app_model import ToApplication, ToDestination, ToService
from entryway.http import Origin, Timeouts
from entryway.router.errors import DestinationNotFound, HostUnknown
from entryway.router.routes import Match
from entryway.router.sessions import Session

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Backend:
    """One destination, ready to be asked."""

    name: str
    origin: Origin
    base_path: str
    """The path of the destination's URL, without a slash at its end."""
    timeouts: Timeouts
    forward_token: bool = False
    forwarded_headers: bool = True
    preserve_host: bool = False
    on_premise: bool = False
    dependency: str | None = None
    """The dependency of the identity service whose token it gets, instead of that of the login."""
    shows_user: bool = False
    """Whether the proxy of a company network is shown the user's own token."""
    headers: tuple[Header, ...] = field(default=(), repr=False)
    """Sent with every request, instead of what the client sends under these names."""
    defaults: tuple[Header, ...] = field(default=(), repr=False)
    """Sent unless the client sends a header of the name."""
    replaced: frozenset[bytes] = frozenset()
    """Names of `headers`."""

    @property
    def learns_user(self) -> bool:
        """Whether the backend gets a token of the user."""
        return self.forward_token or self.shows_user or self.dependency is not None

    def target(self, path: str) -> str:
        """Join the destination's path and the rewritten one."""
        return self.base_path + path


class DestinationSource(Protocol):
    """Who knows destinations that the environment does not define."""

    async def find(
        self,
        name: str,
        session: Session | None,
        correlation_id: str,
        *,
        dynamic: bool,
        tenant: str | None,
        provided: bool = False,
    ) -> Backend:
        """Return the destination for this user, or raise; `tenant` is a subdomain."""


class ServiceSource(Protocol):
    """Who knows business services."""

    async def find(self, name: str, endpoint: str | None, session: Session | None, tenant: str | None) -> Backend:
        """Return the service's endpoint for this user, or raise."""


class FileSource(Protocol):
    """Who knows where the files of applications are."""

    async def files(self, goal: ToApplication, tenant: str | None) -> Backend:
        """Return where the files of an application are."""

    async def token(self, tenant: str | None) -> bytes:
        """Return the application's own token for the repository."""


class DependencySource(Protocol):
    """Who logs users on to applications of the identity service."""

    async def log_on(self, backend: Backend, session: Session | None) -> Backend:
        """Return the backend with the user's token for it, or raise."""


class CorporateTokenSource(Protocol):
    """Who has the tokens of the company's identity provider."""

    async def add_to(self, backend: Backend, session: Session | None) -> Backend:
        """Return the backend with the user's token from there, or raise."""


OnPremiseBackend = Callable[[str | None], Awaitable[Backend]]
"""Makes the backend of a destination of the environment that lies in a company network, for a tenant's subdomain."""


@dataclass(frozen=True, slots=True)
class Backends:
    """Resolves the destination of a route."""

    environment: Mapping[str, Backend]
    on_premise: Mapping[str, OnPremiseBackend]
    service: DestinationSource | None
    host_pattern: JsRegex | None = None
    services: ServiceSource | None = None
    repository: FileSource | None = None
    of_user: Mapping[str, Callable[[Session | None], Backend]] = field(default_factory=dict)
    """Destinations of the environment that users who have logged in are shown to, each by something of their own."""
    dependencies: DependencySource | None = None
    corporate: CorporateTokenSource | None = None
    custom_host: bool = False
    """Whether a proxy in front says the host in `x-custom-host`."""

    def fixed(self, goal: ToDestination | ToService | ToApplication) -> Backend | None:
        """Return the backend of a goal that is the same for every request, if it is; `resolve` knows all others."""
        if type(goal) is ToDestination and goal.template is None and goal.name != "*":
            return self.environment.get(goal.name)
        return None

    async def resolve(  # noqa: PLR0917 - values, not a bag
        self,
        match: Match,
        goal: ToDestination | ToService | ToApplication,
        host: str,
        session: Session | None,
        correlation_id: str,
        tenant: str | None = None,
    ) -> Backend:
        """Return the backend that the route leads to for this request; `tenant` is a subdomain."""
        if isinstance(goal, ToService):
            return await self.service_named(goal.name, goal.endpoint, session, tenant)
        if isinstance(goal, ToApplication):
            if self.repository is None:
                raise DestinationNotFound(f"no service is bound as {goal.name!r}")
            return await self.repository.files(goal, tenant)
        name = self.name(match, goal, host)
        backend = self.environment.get(name)
        if backend is not None:
            return backend
        return await self.named(
            name,
            session,
            correlation_id,
            dynamic=name != goal.name,
            tenant=tenant,
            provided=match.served.route.prefer_local,
        )

    async def named(
        self,
        name: str,
        session: Session | None,
        correlation_id: str,
        *,
        dynamic: bool = False,
        tenant: str | None = None,
        provided: bool = False,
    ) -> Backend:
        """Return the backend of this name; `dynamic` if the client chose it, `provided` if it is the provider's own."""
        backend = self.environment.get(name)
        if backend is None and name in self.of_user:
            backend = self.of_user[name](session)
        if backend is None and name in self.on_premise:
            backend = await self.on_premise[name](tenant)
        if backend is None and self.service is not None:
            backend = await self.service.find(
                name, session, correlation_id, dynamic=dynamic, tenant=tenant, provided=provided
            )
        if backend is None:
            raise DestinationNotFound(f"no destination is named {name!r}")
        if backend.dependency is not None and self.dependencies is not None:
            backend = await self.dependencies.log_on(backend, session)
        if self.corporate is not None:
            backend = await self.corporate.add_to(backend, session)
        return backend

    async def service_named(
        self, name: str, endpoint: str | None, session: Session | None, tenant: str | None = None
    ) -> Backend:
        """Return the endpoint of a business service."""
        if self.services is None:
            raise DestinationNotFound(f"no service is bound as {name!r}")
        return await self.services.find(name, endpoint, session, tenant)

    def name(self, match: Match, goal: ToDestination, host: str) -> str:
        """Return the destination's name, which may come out of the path or the host."""
        if goal.template is not None:
            return goal.template.expand(match.found)
        if goal.name == "*" and self.host_pattern is not None:
            found = self.host_pattern.pattern.search(host)
            if found is None or self.host_pattern.pattern.groups < 1:
                raise HostUnknown(f"the host {host!r} names no destination")
            return found[1] or ""
        return goal.name
