"""Which sites may show the application in a frame, as the authorization server keeps it for the tenant."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import quote

from entryway.clients.http import HttpClient, call
from entryway.errors import UpstreamError
from entryway.http import Response
from entryway.router.content_policy import POLICY, merge_policies
from entryway.telemetry import get_logger

log = get_logger("router")

PATH = "/sap/rest/authorization/v2/securitySettings/public"
RETRY_SECONDS = 10.0
_DOMAINS = re.compile(r"[A-Za-z0-9*.:/\[\]_\- ']+")


class FrameAncestors:
    """Asks for the trusted domains and keeps the answer; while asking fails, the last one counts."""

    def __init__(
        self,
        http: HttpClient,
        api_url: str,
        subdomain: str,
        seconds: float,
        clock: Callable[[], float],
        *,
        merges: bool = False,
    ) -> None:
        self._http = http
        self._url = f"{api_url.rstrip('/')}{PATH}?subdomain={quote(subdomain, safe='')}"
        self._seconds = seconds
        self._clock = clock
        self._merges = merges
        self._policy: bytes | None = None
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def add(self, response: Response) -> None:
        """Add the policy to a response without one; to one that has a policy only if they are to be merged."""
        there = POLICY in response.headers
        if (there and not self._merges) or (policy := await self.policy()) is None:
            return
        raw = response.headers.raw
        raw[:] = merge_policies(raw, policy) if there else [*raw, (POLICY, policy)]

    async def policy(self) -> bytes | None:
        """Return the policy to send, or None if no domains are set."""
        if self._clock() < self._until:
            return self._policy
        async with self._lock:
            if self._clock() >= self._until:
                await self._ask()
        return self._policy

    async def _ask(self) -> None:
        try:
            answer = await call(self._http, "GET", self._url, headers={"accept": "application/json"})
            if answer.status != 200:
                raise UpstreamError(answer.origin, f"answered {answer.status}")  # noqa: TRY301 - one way to fail
            self._policy = frame_policy(answer.json_object().get("iframeDomains"))
            self._until = self._clock() + self._seconds
        except UpstreamError as error:
            log.warning("frame_ancestors_unknown", reason=error.detail)
            self._until = self._clock() + RETRY_SECONDS


def frame_policy(domains: object) -> bytes | None:
    """Return the policy for a blank-separated list of domains; text that is none of that is ignored."""
    if not isinstance(domains, str) or not domains.strip():
        return None
    if not _DOMAINS.fullmatch(domains):
        log.warning("frame_ancestors_unusable")
        return None
    return f"frame-ancestors {domains.strip()};".encode()
