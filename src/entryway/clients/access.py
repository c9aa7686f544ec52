"""The right to act as the platform: a client-credentials token that is fetched once and renewed ahead of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from entryway.clients.http import Answer, HttpClient, call
from entryway.clients.tokens import OAuthClient, TokenClient
from entryway.errors import UpstreamError

PLATFORM_CLIENT = "entryway-platform"
PLATFORM_SCOPE = "entryway.platform"
RENEW_AHEAD = 60.0


class PlatformRefused(UpstreamError):
    """A service of the platform understood the request and refused it; `description` may be shown to its sender."""

    code: ClassVar[str] = "platform_refused"
    title: ClassVar[str] = "A service of the platform refused the request"

    def __init__(self, origin: str, answered: int, description: str, title: str = "") -> None:
        super().__init__(origin, f"answered {answered}: " + (f"{title}: {description}" if title else description))
        self.answered = answered
        self.description = description


@dataclass(slots=True)
class OwnToken:
    """The current token of one client; `seconds` is a monotonic clock."""

    tokens: TokenClient
    client: OAuthClient
    seconds: Callable[[], float] = time.monotonic
    _value: str = field(default="", repr=False)
    _renew_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def value(self) -> str:
        """Return a token that is good for at least a minute."""
        async with self._lock:
            if not self._value or self.seconds() >= self._renew_at:
                got = await self.tokens.client_credentials(self.client)
                self._value = got.access_token
                self._renew_at = self.seconds() + max(got.expires_in - RENEW_AHEAD, 0.0)
            return self._value

    def forget(self, value: str) -> None:
        """Fetch a new one next time: `value` was not believed."""
        if self._value == value:
            self._value = ""


@dataclass(frozen=True, slots=True)
class BearerCaller:
    """Calls one service with the client's own token, and once more with a new one if that is not believed."""

    http: HttpClient
    base_url: str
    token: OwnToken
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, json: Any = None) -> Answer:
        """Return the answer to a request that was accepted; raise `PlatformRefused` on any other."""
        value = await self.token.value()
        answer = await self._call(method, path, json, value)
        if answer.status == 401:
            # The keys may have been renewed, or the server's memory of us lost: nothing was done, so ask again.
            self.token.forget(value)
            answer = await self._call(method, path, json, await self.token.value())
        return accepted(answer)

    async def _call(self, method: str, path: str, json: Any, token: str) -> Answer:
        headers = {**self.headers, "authorization": f"Bearer {token}", "accept": "application/json"}
        return await call(self.http, method, self.base_url.rstrip("/") + path, headers=headers, json=json)


def accepted(answer: Answer) -> Answer:
    """Return the answer if the request was accepted, else raise what the service says."""
    if answer.status < 300:
        return answer
    description = _description(answer)
    if answer.status >= 500:
        raise UpstreamError(answer.origin, f"answered {answer.status} {description}".rstrip())
    raise PlatformRefused(answer.origin, answer.status, description or "no reason given", _title(answer, description))


def _title(answer: Answer, description: str) -> str:
    """Return what a problem is called (RFC 9457), for whom its description alone would be too short."""
    title = answer.json_object().get("title") if description else None
    return title[:4000] if isinstance(title, str) and title != description else ""


def _description(answer: Answer) -> str:
    try:
        content = answer.json_object()
    except UpstreamError:
        return ""
    for key in ("description", "error_description", "detail", "ErrorMessage", "title", "error"):
        value = content.get(key)
        if isinstance(value, str) and value:
            return value[:4000]
    return ""
