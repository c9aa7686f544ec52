"""Asking the authorization server for its keys, the same way for callers that await and callers that do not."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from entryway.security.errors import KeysUnavailable
from entryway.security.jws import import_key

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
ATTEMPTS = 2
ANSWER_LIMIT = 512 * 1024
KEYS_LIMIT = 100


def key_url(domain: str, zid: str) -> str:
    """Return the address of a tenant's keys; where a token says they are does not matter."""
    return f"https://{domain}/token_keys?zid={quote(zid, safe='')}"


def fetch(url: str, zid: str, context: ssl.SSLContext | None) -> dict[str, Any]:
    """Return the keys by their ids."""
    import httpx  # noqa: PLC0415 - needed once in a quarter of an hour, and slow to import

    for attempt in range(ATTEMPTS):
        try:
            with (
                httpx.Client(**_settings(context)) as client,
                client.stream("GET", url, headers=_headers(zid)) as response,
            ):
                if _asks_for_patience(response.status_code, attempt):
                    continue
                content = bytearray()
                for chunk in response.iter_bytes():
                    _append(content, chunk)
            return parse_keys(response.status_code, bytes(content))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if attempt == ATTEMPTS - 1:
                raise KeysUnavailable(f"{url}: {type(error).__name__}: {error}") from error
    raise KeysUnavailable(url)


async def fetch_async(url: str, zid: str, context: ssl.SSLContext | None) -> dict[str, Any]:
    """Return the keys by their ids."""
    import httpx  # noqa: PLC0415

    for attempt in range(ATTEMPTS):
        try:
            async with (
                httpx.AsyncClient(**_settings(context)) as client,
                client.stream("GET", url, headers=_headers(zid)) as response,
            ):
                if _asks_for_patience(response.status_code, attempt):
                    continue
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    _append(content, chunk)
            return parse_keys(response.status_code, bytes(content))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if attempt == ATTEMPTS - 1:
                raise KeysUnavailable(f"{url}: {type(error).__name__}: {error}") from error
    raise KeysUnavailable(url)


def parse_keys(status: int, content: bytes) -> dict[str, Any]:
    """Return the usable keys of an answer by their ids; raise if it is no key set."""
    if status in {400, 404}:
        return {}  # the server knows no such tenant
    if status != 200:
        raise KeysUnavailable(f"the keys were answered with {status}")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise KeysUnavailable("the keys were answered with something that is not JSON") from error
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise KeysUnavailable("the answer holds no keys")
    return dict(found for entry in entries[:KEYS_LIMIT] if (found := import_key(entry)) is not None)


def _asks_for_patience(status: int, attempt: int) -> bool:
    return status in {502, 503, 504} and attempt < ATTEMPTS - 1


def _append(content: bytearray, chunk: bytes) -> None:
    content += chunk
    if len(content) > ANSWER_LIMIT:
        raise KeysUnavailable(f"the keys were answered with more than {ANSWER_LIMIT} bytes")


def _headers(zid: str) -> dict[str, str]:
    return {"accept": "application/json", "x-zid": zid}


def _settings(context: ssl.SSLContext | None) -> dict[str, Any]:
    import httpx  # noqa: PLC0415

    # Without a context of ours httpx builds one, and honours SSL_CERT_FILE in doing so.
    return {
        "verify": True if context is None else context,
        "timeout": httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        "follow_redirects": False,
    }
