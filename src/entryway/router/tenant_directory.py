"""The platform's directory of tenants (`btp-tenant-api`), which the binding of an identity service names.

It tells the subdomain of a tenant's id, and which tenant is meant by a subdomain. Anybody can make names up, so that
what is not known is asked for once in a while only.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from entryway.clients.http import HttpClient, Timeouts, call
from entryway.config.identity import IdentityCredentials
from entryway.errors import UpstreamError
from entryway.router.errors import TenantLookupFailed, TenantUnknown
from entryway.router.new_names import NewNames
from entryway.router.tenants import is_subdomain
from entryway.telemetry import get_logger

log = get_logger("router.tenants")

PATH = "/sap/rest/tenantLoginInfo/"
UNKNOWN_SECONDS = 10.0
FAILED_SECONDS = 2.0
MOST_KEPT = 1000
UNKNOWN = frozenset({400, 404})
IDS = ("tenantId", "app_tid", "zone_uuid")
LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory said, and until when that is believed; without content: it knows no such tenant."""

    content: dict[str, Any] | None
    until: float


@dataclass(slots=True, eq=False)
class TenantDirectory:
    """Asks the directory, once for each tenant however many requests wait, and keeps the answers."""

    http: HttpClient
    own: IdentityCredentials
    clock: Callable[[], float]
    timeout: Timeouts | None = None
    keep_seconds: float = 900.0
    several: bool = False
    """Whether the host says which tenant's users log in; else they are those of the binding's tenant."""
    own_subdomain: str = ""
    """The subdomain of the binding's tenant, where another binding says it: nobody is asked about that one."""
    query: str = ""
    """What a question about a subdomain has besides."""
    _kept: OrderedDict[str, Entry] = field(default_factory=OrderedDict)
    _under_way: dict[str, asyncio.Task[Entry]] = field(default_factory=dict)
    _failed: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """Until when what could not be found out is not asked about again."""
    _new_names: NewNames = field(init=False)

    def __post_init__(self) -> None:
        self._new_names = NewNames(self.clock)

    async def subdomain_of(self, tenant_id: str) -> str:
        """Return a tenant's subdomain, empty if there is no such tenant; raise TenantLookupFailed."""
        content = await self._find(f"?id={quote(tenant_id, safe='')}")
        subdomain = None if content is None else content.get("subdomain")
        if isinstance(subdomain, str) and is_subdomain(subdomain.lower()):
            return subdomain.lower()
        return ""

    async def learn(self, subdomain: str | None) -> None:
        """Find out who a subdomain's tenant is, for `credentials_of`, which says if that failed."""
        if subdomain is not None and not self._is_own(subdomain):
            try:
                await self._find(subdomain)
            except TenantLookupFailed as error:
                log.warning("tenant_lookup_failed", subdomain=subdomain, reason=error.detail)

    def credentials_of(self, subdomain: str | None) -> IdentityCredentials:
        """Return the client at the identity service of a tenant that was learned, or raise why there is none."""
        if subdomain is None:
            raise TenantUnknown("the host is none of a tenant's")
        if self._is_own(subdomain):
            return self.own
        entry = self._kept.get(subdomain)
        if entry is None:
            raise TenantLookupFailed(self.address, f"the tenant {subdomain!r} could not be looked up")
        found = _tenant_in(entry.content, subdomain)
        if found is None:
            raise TenantUnknown(f"the platform knows no tenant {subdomain!r}")
        tenant_id, url = found
        if url is not None and not self.own.trusts(url):
            raise TenantLookupFailed(self.address, f"the tenant's identity service is at no trusted domain: {url!r}")
        return self.own.at_tenant(tenant_id, url or self.own.url)

    @property
    def address(self) -> str:
        """Return where the directory is."""
        return self.own.tenant_api or ""

    def _is_own(self, subdomain: str) -> bool:
        return bool(self.own_subdomain) and subdomain == self.own_subdomain

    async def _find(self, name: str) -> dict[str, Any] | None:
        entry = self._kept.get(name)
        if entry is None and self.clock() < self._failed.get(name, 0.0):
            raise TenantLookupFailed(self.address, "the last lookup failed a moment ago")
        if entry is None or self.clock() >= entry.until:
            task = self._under_way.get(name)
            if task is None:
                task = self._under_way[name] = asyncio.get_running_loop().create_task(self._renew(name, entry))
                task.add_done_callback(lambda _: self._under_way.pop(name, None))
            entry = await asyncio.shield(task)
        return entry.content

    async def _renew(self, name: str, former: Entry | None) -> Entry:
        try:
            content = await self._ask(name, is_new=former is None or former.content is None)
        except UpstreamError as error:
            if former is None:
                raise self._failure(name, error) from error
            log.warning("tenant_not_renewed", reason=error.detail)
            content, seconds = former.content, FAILED_SECONDS
        else:
            seconds = UNKNOWN_SECONDS if content is None else self.keep_seconds
        entry = self._kept[name] = Entry(content, self.clock() + seconds)
        self._kept.move_to_end(name)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return entry

    def _failure(self, name: str, error: UpstreamError) -> TenantLookupFailed:
        """Return what is to be raised, and see to it that requests do not wait again for what hangs."""
        self._failed[name] = self.clock() + FAILED_SECONDS
        self._failed.move_to_end(name)
        if len(self._failed) > MOST_KEPT:
            self._failed.popitem(last=False)
        return TenantLookupFailed(self.address, error.detail)

    async def _ask(self, name: str, *, is_new: bool) -> dict[str, Any] | None:
        if is_new and not self._new_names.may_ask():
            raise UpstreamError(self.address, "too many tenants that are not known, in a short time")
        url = f"{self.address}{PATH}{name}{'' if name.startswith('?') else self.query}"
        answer = await call(
            self.http, "GET", url, headers={"accept": "application/json"}, timeout=self.timeout, limit=LIMIT
        )
        if answer.status in UNKNOWN:
            return None
        if answer.status != 200:
            raise UpstreamError(answer.origin, f"the tenant's lookup was answered with {answer.status}")
        return answer.json_object()


def _tenant_in(content: dict[str, Any] | None, subdomain: str) -> tuple[str, str | None] | None:
    """Return id and, where it is said, identity service of the tenant that an answer is about."""
    if content is None or str(content.get("subdomain") or subdomain).lower() != subdomain:
        return None
    tenant_id = next((value for name in IDS if isinstance(value := content.get(name), str) and value), None)
    url = content.get("url")
    return None if tenant_id is None else (tenant_id, url if isinstance(url, str) and url else None)
