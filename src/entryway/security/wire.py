"""Questions to servers: what to ask is said by a conversation, which neither waits nor knows how; here it is done.

A conversation is a generator that yields requests and pauses and is sent the answers, so that callers that await and
callers that do not share every rule: what to ask, when to ask again, what an answer means.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
# Replaces both, under the name that applications know.
TIMEOUT_VARIABLE = "XSSEC_HTTP_TIMEOUT_IN_SECONDS"
ANSWER_LIMIT = 1024 * 1024

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Request:
    """A question; with a `form` it is posted."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    limit: int = ANSWER_LIMIT

    @property
    def method(self) -> str:
        return "GET" if self.form is None else "POST"

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}"


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait before the next question."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; the names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why the server said nothing, or nothing usable."""

    reason: str
    cause: Exception | None = None


Conversation = Generator[Request | Pause, Answer | NoAnswer | None, Result]


def converse(conversation: Conversation[Result], tls: ssl.SSLContext | None) -> Result:
    """Return what the conversation comes to; waits for it."""
    import httpx  # noqa: PLC0415 - needed seldom, and slow to import

    answer: Answer | NoAnswer | None = None
    with httpx.Client(**_settings(tls)) as client:
        while True:
            try:
                step = conversation.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                answer = None
                continue
            try:
                with client.stream(step.method, step.url, headers=dict(step.headers), data=step.form) as response:
                    content = bytearray()
                    for chunk in response.iter_bytes():
                        content += chunk
                        if len(content) > step.limit:
                            break
                answer = _answer(step, response.status_code, response.headers, content)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                answer = NoAnswer(f"{step.origin}: {type(error).__name__}: {error}", error)


async def converse_async(conversation: Conversation[Result], tls: ssl.SSLContext | None) -> Result:
    """Return what the conversation comes to, without blocking the event loop."""
    import asyncio  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    answer: Answer | NoAnswer | None = None
    async with httpx.AsyncClient(**_settings(tls)) as client:
        while True:
            try:
                step = conversation.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                answer = None
                continue
            try:
                async with client.stream(step.method, step.url, headers=dict(step.headers), data=step.form) as response:
                    content = bytearray()
                    async for chunk in response.aiter_bytes():
                        content += chunk
                        if len(content) > step.limit:
                            break
                answer = _answer(step, response.status_code, response.headers, content)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                answer = NoAnswer(f"{step.origin}: {type(error).__name__}: {error}", error)


def client_context(certificate: str, key: str) -> ssl.SSLContext:
    """Return a TLS context that proves itself with this certificate; `key` is empty if the certificate holds it."""
    import tempfile  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    # The context that httpx makes for itself, so that SSL_CERT_FILE means the same with and without a certificate.
    context = httpx.create_ssl_context()
    # OpenSSL reads from files alone: this one is ours, and gone when it was read.
    descriptor, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{certificate}\n{key}\n")
        context.load_cert_chain(name)
    finally:
        os.unlink(name)  # noqa: PTH108 - pathlib would be imported for this alone
    return context


def _answer(request: Request, status: int, headers: Mapping[str, str], content: bytearray) -> Answer | NoAnswer:
    if len(content) > request.limit:
        return NoAnswer(f"{request.origin}: answered with more than {request.limit} bytes")
    return Answer(status, {name.lower(): value for name, value in headers.items()}, bytes(content))


def _settings(tls: ssl.SSLContext | None) -> dict[str, Any]:
    import httpx  # noqa: PLC0415

    # Without a context of ours httpx builds one, and honours SSL_CERT_FILE in doing so.
    return {"verify": True if tls is None else tls, "timeout": httpx.Timeout(**_seconds()), "follow_redirects": False}


def _seconds() -> dict[str, float]:
    try:
        every = float(os.environ.get(TIMEOUT_VARIABLE, ""))
    except ValueError:
        every = 0.0
    return {"timeout": every} if 0 < every <= 600 else {"timeout": READ_SECONDS, "connect": CONNECT_SECONDS}
