"""Exchanging the user's token for one that another service accepts, as the client that is bound to that service."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from entryway.errors import ConfigurationError, UpstreamError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SECONDS = 10.0
ANSWER_LIMIT = 1024 * 1024


class ExchangeFailed(UpstreamError):
    """The authorization server gave no token for the user."""

    code: ClassVar[str] = "token_exchange_failed"
    title: ClassVar[str] = "The user's token could not be exchanged"


def exchange(token: str, credentials: Mapping[str, Any], scopes: str = "", *, tls: ssl.SSLContext | None = None) -> str:
    """Return a token for the client of `credentials`; `scopes` is a list with commas, empty for all there are."""
    import httpx  # noqa: PLC0415 - slow to import, and not every application exchanges tokens

    url, form = _request(token, credentials, scopes)
    try:
        with (
            httpx.Client(verify=True if tls is None else tls, timeout=SECONDS) as client,
            client.stream("POST", url, data=form, headers={"accept": "application/json"}) as response,
        ):
            content = bytearray()
            for chunk in response.iter_bytes():
                _append(content, chunk, url)
            return _access_token(response.status_code, bytes(content), url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ExchangeFailed(_origin(url), type(error).__name__) from error


async def exchange_async(
    token: str, credentials: Mapping[str, Any], scopes: str = "", *, tls: ssl.SSLContext | None = None
) -> str:
    """Return a token for the client of `credentials`; `scopes` is a list with commas, empty for all there are."""
    import httpx  # noqa: PLC0415

    url, form = _request(token, credentials, scopes)
    try:
        async with (
            httpx.AsyncClient(verify=True if tls is None else tls, timeout=SECONDS) as client,
            client.stream("POST", url, data=form, headers={"accept": "application/json"}) as response,
        ):
            content = bytearray()
            async for chunk in response.aiter_bytes():
                _append(content, chunk, url)
            return _access_token(response.status_code, bytes(content), url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ExchangeFailed(_origin(url), type(error).__name__) from error


def _request(token: str, credentials: Mapping[str, Any], scopes: str) -> tuple[str, dict[str, str]]:
    missing = [name for name in ("clientid", "clientsecret", "url") if not isinstance(credentials.get(name), str)]
    if missing:
        raise ConfigurationError(f"the credentials of the service lack {', '.join(missing)}")
    form = {
        "grant_type": JWT_BEARER,
        "response_type": "token",
        "assertion": token,
        "client_id": credentials["clientid"],
        "client_secret": credentials["clientsecret"],
    }
    if scopes:
        form["scope"] = " ".join(scope for scope in scopes.replace(",", " ").split() if scope)
    return f"{credentials['url'].rstrip('/')}/oauth/token", form


def _append(content: bytearray, chunk: bytes, url: str) -> None:
    content += chunk
    if len(content) > ANSWER_LIMIT:
        raise ExchangeFailed(_origin(url), f"answered with more than {ANSWER_LIMIT} bytes")


def _access_token(status: int, content: bytes, url: str) -> str:
    if status != 200:
        raise ExchangeFailed(_origin(url), f"answered {status}")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ExchangeFailed(_origin(url), "answered with something that is not JSON") from error
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise ExchangeFailed(_origin(url), "answered without a token")
    return token


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"
