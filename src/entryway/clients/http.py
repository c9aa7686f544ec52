"""How a service calls another over HTTP: one client, bounded in time and size, foreign exceptions made ours."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from entryway import __version__
from entryway.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable

ANSWER_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, in seconds: to connect, between bytes, and for a connection of the pool."""

    connect: float = 5.0
    read: float = 10.0
    pool: float = 10.0


def new_http(context: ssl.SSLContext, timeouts: Timeouts = Timeouts()) -> httpx.AsyncClient:
    """Return a client that follows no redirect and reads nothing from the environment."""
    return httpx.AsyncClient(
        verify=context,
        timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=timeouts.pool),
        follow_redirects=False,
        trust_env=False,
        headers={"user-agent": f"entryway/{__version__}"},
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What another service answered, read completely."""

    origin: str
    status: int
    headers: httpx.Headers
    content: bytes

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object, or raise because the service does not speak our language."""
        try:
            value = httpx.Response(self.status, content=self.content).json()
        except (ValueError, RecursionError) as error:
            raise UpstreamError(self.origin, f"answered {self.status} with a body that is not JSON") from error
        if not isinstance(value, dict):
            raise UpstreamError(self.origin, f"answered {self.status} with JSON that is not an object")
        return value


async def call(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    json: Any = None,
    auth: tuple[str, str] | None = None,
    timeout: httpx.Timeout | None = None,  # noqa: ASYNC109 - it is httpx's, per phase of the call
    limit: int = ANSWER_LIMIT,
) -> Answer:
    """Send one request and return the whole answer, whatever its status; raise if there is none or it is too large."""
    origin = origin_of(url)
    with our_errors(origin):
        request = http.build_request(
            method,
            url,
            headers=headers,
            params=params,
            data=form,
            json=json,
            timeout=timeout or http.timeout,
        )
        response = await http.send(request, stream=True, auth=httpx.BasicAuth(*auth) if auth else None)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > limit:
                    raise UpstreamError(origin, f"answered with more than {limit} bytes")
        finally:
            await response.aclose()
    return Answer(origin, response.status_code, response.headers, bytes(content))


@contextmanager
def our_errors(origin: str) -> Iterator[None]:
    """Turn what httpx raises into our words."""
    try:
        yield
    except httpx.TimeoutException as error:
        if isinstance(error, httpx.ConnectTimeout):
            raise UpstreamUnreachable(origin, "no connection in time") from error
        raise UpstreamTimeout(origin) from error
    except httpx.ConnectError as error:
        raise UpstreamUnreachable(origin, str(error) or "no connection") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UpstreamError(origin, str(error) or type(error).__name__) from error


def origin_of(url: str) -> str:
    """Return scheme, host and port of `url`: what may be named in a log, where a path or query may hold a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not a URL)"
    return f"{parts.scheme}://{host}{port}"
