"""Services of the router itself: what pages may ask it. A route or an endpoint of the configuration leads to them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from entryway.config.environment_origins import AllowlistDocument
from entryway.config.js_regex import compile_js
from entryway.config.xs_app import USER_API, Route, ToService
from entryway.http import Headers, Request, Response
from entryway.router import user_api
from entryway.router.authority import Authorities
from entryway.router.errors import MethodNotAllowed, RouteNotFound
from entryway.router.queries import read_query
from entryway.router.sessions import Login
from entryway.router.websockets import origin_fits, split_origin

Service = Callable[[Request, str, Login | None], Awaitable[Response]]
"""Answers a request, given its rewritten target and the user."""

PLUGIN_METADATA = "plugin-metadata"
ALLOWLIST = "allowlist"
_UNESCAPED_SLASH = re.compile(r"(?<!\\)/")


def services(
    authorities: Authorities, plugins: Sequence[Mapping[str, Any]], allowlist: Sequence[AllowlistDocument] | None
) -> dict[str, Service]:
    """Return every service by its name."""
    metadata = _json([_plugin(document) for document in plugins], indent=2)

    async def user(_request: Request, target: str, login: Login | None) -> Response:
        return await user_api.answer(target, login, authorities)

    async def plugin_metadata(request: Request, _target: str, _login: Login | None) -> Response:
        _check_get(request)
        return _answer(metadata)

    async def allowed(request: Request, target: str, _login: Login | None) -> Response:
        _check_get(request)
        return _answer(_json(framing(target, allowlist)))

    return {USER_API: user, PLUGIN_METADATA: plugin_metadata, ALLOWLIST: allowed}


def endpoint_routes(plugin_metadata: str | None, allowlist: str | None) -> list[Route]:
    """Return the routes for the endpoints that the configuration names; they need a login as any other."""
    named = (("/pluginMetadataEndpoint", plugin_metadata, PLUGIN_METADATA), ("/whitelistService", allowlist, ALLOWLIST))
    return [
        Route(place, compile_js(_below(endpoint)), ToService(service))
        for place, endpoint, service in named
        if endpoint is not None
    ]


def framing(target: str, allowlist: Sequence[AllowlistDocument] | None) -> dict[str, Any]:
    """Say whether a page of the origin in `parentOrigin` may show the application in a frame."""
    if allowlist is None:
        # Nobody has said who may: pages ask no further, and what forbids frames are the headers.
        return {"version": "1.0", "active": False, "framing": True}
    given = read_query(target).get("parentOrigin", [])
    origin = given[0] if len(given) == 1 else "null"
    known = split_origin(origin) is not None
    allowed = known and any(origin_fits(origin, entry.protocol, entry.host, entry.port) for entry in allowlist)
    return {"version": "1.0", "active": True, "origin": origin, "framing": allowed}


def _below(endpoint: str) -> str:
    escaped = re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\1", "/" + endpoint.strip("/"))
    return f"^{escaped}(?:[/?].*)?$"


def _plugin(document: Mapping[str, Any]) -> dict[str, Any]:
    source = document.get("source")
    # A JavaScript expression prints its slashes escaped.
    shown = _UNESCAPED_SLASH.sub(r"\\/", source) if isinstance(source, str) else source
    return {**document, "source": shown}


def _check_get(request: Request) -> None:
    if request.method == "HEAD":
        raise RouteNotFound("HEAD is not served here")
    if request.method != "GET":
        raise MethodNotAllowed("GET", "it can only be read")


def _json(content: Any, indent: int | None = None) -> bytes:
    return json.dumps(content, indent=indent, separators=None if indent else (",", ":"), ensure_ascii=False).encode()


def _answer(body: bytes) -> Response:
    return Response(200, Headers([(b"content-type", b"application/json; charset=utf-8")]), body)
