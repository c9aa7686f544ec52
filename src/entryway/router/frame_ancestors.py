"""Which sites may show the application in a frame, as the authorization server keeps it for the tenant."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from entryway.clients.http import HttpClient, call
from entryway.errors import UpstreamError
from entryway.http import Request, Response
from entryway.router.content_policy import POLICY, merge_policies
from entryway.router.new_names import NewNames
from entryway.telemetry import get_logger

log = get_logger("router")

PATH = "/sap/rest/authorization/v2/securitySettings/public"
RETRY_SECONDS = 10.0
MOST_TENANTS = 1000
_DOMAINS = re.compile(r"[A-Za-z0-9*.:/\[\]_\- ']+")


@dataclass(frozen=True, slots=True)
class Kept:
    """The policy of a tenant, None if it has set no domains, and until when that counts."""

    policy: bytes | None
    until: float


@dataclass(slots=True, eq=False)
class FrameAncestors:
    """Asks for the trusted domains of tenants and keeps the answers; while asking fails, the last one counts."""

    http: HttpClient
    api_url: str
    subdomain_of: Callable[[Request], Awaitable[str]]
    """Finds the subdomain of the tenant that a request is for; empty if it is not known."""
    seconds: float
    clock: Callable[[], float]
    merges: bool = False
    _kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict)
    _under_way: dict[str, asyncio.Task[Kept]] = field(default_factory=dict)
    _new_names: NewNames = field(init=False)

    def __post_init__(self) -> None:
        self._new_names = NewNames(self.clock)

    async def add(self, request: Request, response: Response) -> None:
        """Add the tenant's policy to a response without one; to one that has a policy only if they are to be merged."""
        there = POLICY in response.headers
        if (there and not self.merges) or (policy := await self.policy(request)) is None:
            return
        raw = response.headers.raw
        raw[:] = merge_policies(raw, policy) if there else [*raw, (POLICY, policy)]

    async def policy(self, request: Request) -> bytes | None:
        """Return the policy to send, or None if no domains are set."""
        try:
            subdomain = await self.subdomain_of(request)
        except UpstreamError as error:
            log.warning("frame_ancestors_unknown", reason=error.detail)
            return None
        if not subdomain:
            return None
        kept = self._kept.get(subdomain)
        if kept is None or self.clock() >= kept.until:
            task = self._under_way.get(subdomain)
            if task is None:
                task = self._under_way[subdomain] = asyncio.get_running_loop().create_task(self._ask(subdomain, kept))
                task.add_done_callback(lambda _: self._under_way.pop(subdomain, None))
            kept = await asyncio.shield(task)
        return kept.policy

    async def _ask(self, subdomain: str, former: Kept | None) -> Kept:
        if former is None and not self._new_names.may_ask():
            return Kept(None, 0.0)
        url = f"{self.api_url.rstrip('/')}{PATH}?subdomain={quote(subdomain, safe='')}"
        try:
            answer = await call(self.http, "GET", url, headers={"accept": "application/json"})
            if answer.status != 200:
                raise UpstreamError(answer.origin, f"answered {answer.status}")  # noqa: TRY301 - one way to fail
            kept = Kept(frame_policy(answer.json_object().get("iframeDomains")), self.clock() + self.seconds)
        except UpstreamError as error:
            log.warning("frame_ancestors_unknown", reason=error.detail)
            kept = Kept(None if former is None else former.policy, self.clock() + RETRY_SECONDS)
        self._kept[subdomain] = kept
        self._kept.move_to_end(subdomain)
        if len(self._kept) > MOST_TENANTS:
            self._kept.popitem(last=False)
        return kept


def frame_policy(domains: object) -> bytes | None:
    """Return the policy for a blank-separated list of domains; text that is none of that is ignored."""
    if not isinstance(domains, str) or not domains.strip():
        return None
    if not _DOMAINS.fullmatch(domains):
        log.warning("frame_ancestors_unusable")
        return None
    return f"frame-ancestors {domains.strip()};".encode()
