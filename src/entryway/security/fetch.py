"""Asking an authorization server for its keys: what is asked, and which answers are keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from entryway.security.errors import KeysUnavailable
from entryway.security.jws import import_key
from entryway.security.wire import Answer, Conversation, NoAnswer, Request, converse_async

if TYPE_CHECKING:
    import ssl

ATTEMPTS = 2
ANSWER_LIMIT = 512 * 1024
KEYS_LIMIT = 100


def key_url(domain: str, zid: str) -> str:
    """Return the address of a tenant's keys; where a token says they are does not matter."""
    return f"https://{domain}/token_keys?zid={quote(zid, safe='')}"


async def fetch_async(url: str, zid: str, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """Return the keys by their ids."""
    return await converse_async(ask_for_keys(url, zid), tls)


def ask_for_keys(url: str, zid: str) -> Conversation[dict[str, Any]]:
    """Ask for the keys of one tenant."""
    answer = yield from ask(url, {"x-zid": zid})
    return parse_keys(answer.status, answer.content)


def ask(url: str, headers: Mapping[str, str]) -> Conversation[Answer]:
    """Ask, and once more if the server cannot answer just now."""
    answer: Answer | NoAnswer | None = None
    for _ in range(ATTEMPTS):
        answer = yield Request(url, {"accept": "application/json", **headers}, limit=ANSWER_LIMIT)
        if isinstance(answer, Answer) and answer.status not in {502, 503, 504}:
            return answer
    if isinstance(answer, Answer):
        return answer
    assert answer is not None  # noqa: S101 - for the type checker: a request is always answered
    raise KeysUnavailable(f"{url}: {answer.reason}") from answer.cause


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
