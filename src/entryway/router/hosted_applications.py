"""Applications of the HTML5 application repository: their own routes, asked for once and kept for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from entryway.clients.http import Answer, HttpClient, Timeouts, call
from entryway.config.hosted_application import HostedApplication, parse_hosted_application
from entryway.config.js_regex import JsRegex
from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.xs_app_model import ToApplication
from entryway.errors import EntrywayError, UpstreamError, UpstreamTimeout
from entryway.http import Response
from entryway.router.backends import Backend, FileSource, Header
from entryway.router.browser_sessions import keep_from_shared_caches
from entryway.router.errors import ApplicationFailed, ServiceTokenFailed
from entryway.router.hosted_address import HostedAddress, parse_hosted_address
from entryway.router.logout import SignOut
from entryway.router.routes import Routes
from entryway.router.tenant_tokens import TenantTokens
from entryway.telemetry import get_logger

log = get_logger("router.repository")

KEEP_SECONDS = 300.0
"""How long an application's routes are used; `skipXSAppJsonCache=true` asks for them at once."""
UNKNOWN_SECONDS = 5.0
RETRY_AFTER = (0.05, 0.1, 0.2)
"""A repository that answers 502 is asked again, after so many seconds each."""
MOST_KEPT = 1000
UNKNOWN = frozenset({404, 503})
"""What repositories answer for an application that they do not have."""
FOREVER = b"public, max-age=31536000"
SERVICE = "HTML5 application repository"


@dataclass(frozen=True, slots=True)
class Application:
    """One application, ready to be routed."""

    routes: Routes
    welcome_file: str | None
    signout: SignOut
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Sent with every answer, before those of the central file."""

    def add_headers(self, raw: list[tuple[bytes, bytes]]) -> None:
        """Append the headers that are not there yet."""
        there = {name for name, _ in raw}
        raw += [header for header in self.headers if header[0] not in there]


@dataclass(frozen=True, slots=True)
class Hosted:
    """The application that a request is for, and the request's URL as the application's routes see it."""

    application: Application
    segment: str
    url: str
    busted: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An application, or that there is none, and until when that is believed."""

    application: Application | None
    until: float


Key = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class RepositoryFiles:
    """The files in the repository of one binding."""

    backend: Backend
    """Where the repository is, without application and token."""
    tokens: TenantTokens

    async def files(self, goal: ToApplication, tenant: str | None) -> Backend:
        """Return where the files of an application are."""
        headers = ((b"authorization", b"bearer " + await self.token(tenant)), *_app_host(goal.app_host_id))
        base = self.backend.base_path
        return replace(
            self.backend,
            name=f"{SERVICE} {goal.key or ''}",
            base_path=base if goal.key is None else f"{base}/{goal.key}",
            headers=headers,
            replaced=frozenset({b"authorization", b"x-app-host-id"}),
        )

    async def token(self, tenant: str | None) -> bytes:
        """Return the application's own token for the repository."""
        try:
            kept = await self.tokens.at(tenant).get()
        except UpstreamTimeout:
            raise
        except EntrywayError as error:
            raise ServiceTokenFailed(SERVICE, f"client credentials: {error}") from error
        return kept.value.encode("latin-1")


@dataclass(frozen=True, slots=True)
class Repository:
    """The applications in the repository of one binding."""

    http: HttpClient
    url: str
    timeout: Timeouts | None
    files: FileSource
    prefixes: Mapping[str, str | None]
    direct: Sequence[JsRegex]
    make: Callable[[HostedApplication], Application]
    tenant_id: Callable[[str | None], bytes | None]
    """The header `tenantid` for a tenant."""
    clock: Callable[[], float]
    kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    under_way: dict[Key, asyncio.Task[Kept]] = field(default_factory=dict)

    async def find(self, target: str, tenant: str | None) -> Hosted | None:
        """Return the application that the URL is for, or None if the central routes have it."""
        address = parse_hosted_address(target, self.prefixes, self.direct)
        if address is None:
            return None
        key = (address.key, address.app_host_id, tenant)
        kept = self.kept.get(key)
        if kept is None or address.refresh or self.clock() >= kept.until:
            kept = await self._load_once(key, address, tenant)
        if kept.application is None:
            return None
        return Hosted(kept.application, address.segment, address.url, address.busted)

    async def _load_once(self, key: Key, address: HostedAddress, tenant: str | None) -> Kept:
        task = self.under_way.get(key)
        if task is None:
            task = self.under_way[key] = asyncio.get_running_loop().create_task(self._load(key, address, tenant))
            task.add_done_callback(lambda _: self.under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _load(self, key: Key, address: HostedAddress, tenant: str | None) -> Kept:
        former = self.kept.get(key)
        try:
            application = self._read(address, await self._ask(address, tenant))
        except (ApplicationFailed, UpstreamError) as error:
            if former is None or former.application is None:
                raise
            # Users of an application go on with its routes while the repository is away.
            log.warning("application_not_renewed", application=address.key, reason=error.detail)
            application = former.application
        seconds = UNKNOWN_SECONDS if application is None else KEEP_SECONDS
        kept = self.kept[key] = Kept(application, self.clock() + seconds)
        self.kept.move_to_end(key)
        if len(self.kept) > MOST_KEPT:
            self.kept.popitem(last=False)
        return kept

    async def _ask(self, address: HostedAddress, tenant: str | None) -> Answer:
        token = await self.files.token(tenant)
        headers = {"accept": "application/json;charset=utf-8", "authorization": f"Bearer {token.decode('latin-1')}"}
        if tenant_id := self.tenant_id(tenant):
            headers["tenantid"] = tenant_id.decode("latin-1")
        headers |= {name.decode(): value.decode("latin-1") for name, value in _app_host(address.app_host_id)}
        url = f"{self.url}/{address.key}/xs-app.json"
        for seconds in RETRY_AFTER:
            answer = await call(self.http, "GET", url, headers=headers, timeout=self.timeout)
            if answer.status != 502:
                return answer
            await asyncio.sleep(seconds)
        return await call(self.http, "GET", url, headers=headers, timeout=self.timeout)

    def _read(self, address: HostedAddress, answer: Answer) -> Application | None:
        if answer.status in UNKNOWN:
            return None
        place = f"{SERVICE}: application {address.key}"
        if answer.status != 200:
            raise ApplicationFailed(place, f"{answer.origin} answered {answer.status} for its xs-app.json")
        try:
            hosted = parse_hosted_application(answer.json_object(), address.key, address.app_host_id)
        except (ConfigurationMistakes, UpstreamError) as error:
            raise ApplicationFailed(place, f"its xs-app.json cannot be used: {error}") from error
        if hosted.without_effect:
            log.warning("application_settings_ignored", application=address.key, settings=hosted.without_effect)
        return self.make(hosted)


def allow_caching(response: Response, goal: ToApplication, hosted: Hosted | None) -> None:
    """Let caches keep a file as long as its route says, or forever if its URL changes with it."""
    value = FOREVER if hosted is not None and hosted.busted else None
    if goal.cache_control is not None:
        value = goal.cache_control.encode("latin-1", "replace")
    if value is not None and response.status in (200, 206, 304):
        response.headers.set(b"cache-control", value)
        if b"set-cookie" in response.headers:
            keep_from_shared_caches(response.headers.raw)


def _app_host(app_host_id: str | None) -> tuple[Header, ...]:
    return () if app_host_id is None else ((b"x-app-host-id", app_host_id.encode("latin-1", "replace")),)
