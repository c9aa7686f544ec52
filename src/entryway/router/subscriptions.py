"""What registries ask the router: on which services tenants depend, and that one comes or goes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from entryway.config.subscription_callbacks import SubscriptionCallbacks
from entryway.http import Headers, Request, Response
from entryway.router.address import address_of
from entryway.router.errors import CallbackRefused, MethodNotAllowed
from entryway.router.queries import read_query
from entryway.router.subscription_callers import Caller
from entryway.router.tenants import Tenants
from entryway.telemetry import get_logger

log = get_logger("router.subscriptions")

MOST_BYTES = 1024 * 1024
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Flavour:
    """How a kind of registry says whose tenant comes, and wants to hear the tenant's address."""

    subdomain: tuple[str, ...]
    """Where the body has the subdomain."""
    content_type: bytes
    write: Callable[[str], str]


REGISTRY = Flavour(("subscribedSubdomain",), b"text/plain; charset=utf-8", lambda url: url)
MANAGER = Flavour(
    ("subscriber", "subaccountSubdomain"),
    b"application/json; charset=utf-8",
    lambda url: json.dumps({"applicationUrl": url}),
)


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry that calls this application."""

    callbacks: SubscriptionCallbacks
    caller: Caller
    flavour: Flavour

    def calls(self, path: str) -> bool:
        """Tell whether it calls this path."""
        return self.asks_at(path) or _is(self.callbacks.subscription_path, path)

    def asks_at(self, path: str) -> bool:
        """Tell whether it asks for dependencies at this path."""
        return _is(self.callbacks.dependencies_path, path)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The callbacks of one application."""

    registries: tuple[Registry, ...]
    tenants: Tenants | None

    def is_endpoint(self, _request: Request, path: str) -> bool:
        """Tell whether a registry calls this path."""
        return any(registry.calls(path) for registry in self.registries)

    async def handle(self, request: Request) -> Response:
        """Answer a registry; everybody else is refused."""
        path = request.target.partition("?")[0]
        registry = next(each for each in self.registries if each.calls(path))
        await registry.caller.check(request)
        if registry.asks_at(path):
            if request.method != "GET":
                raise MethodNotAllowed("GET", "getDependencies")
            body = json.dumps(registry.callbacks.dependencies, separators=(",", ":")).encode()
            return Response(200, Headers([(b"content-type", b"application/json; charset=utf-8")]), body)
        if request.method == "DELETE":
            log.info("tenant_left", path=path)
            return Response(200, Headers([]), b"")
        if request.method != "PUT":
            raise MethodNotAllowed("PUT, DELETE", "onSubscription")
        subdomain = await _subdomain(request, registry.flavour)
        url = self._tenant_url(request, subdomain)
        log.info("tenant_came", subdomain=subdomain, url=url)
        headers = [(b"content-type", registry.flavour.content_type), (b"x-content-type-options", b"nosniff")]
        return Response(200, Headers(headers), registry.flavour.write(url).encode())

    def _tenant_url(self, request: Request, subdomain: str) -> str:
        """Return where the tenant finds the application: the provider's address with the subdomain replaced."""
        given = read_query(request.target).get("application.url")
        address = address_of(request)
        scheme, host, rest = address.proto, address.host, ""
        if given is not None:
            try:
                parts = urlsplit(given[0])
            except ValueError:
                parts = urlsplit("")
            scheme, host, rest = parts.scheme, parts.netloc, urlunsplit(("", "", *parts[2:]))
            if scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+(?::[0-9]+)?", host):
                raise CallbackRefused("application.url is no address")
        replaced = None if self.tenants is None else self.tenants.host_of(host, subdomain)
        if replaced is None:
            raise CallbackRefused(f"TENANT_HOST_PATTERN finds no tenant in {host!r}")
        return f"{scheme}://{replaced}{rest}"


async def _subdomain(request: Request, flavour: Flavour) -> str:
    try:
        found: Any = json.loads(await request.body.read(MOST_BYTES))
    except (ValueError, RecursionError):
        raise CallbackRefused("the body is not JSON") from None
    for key in flavour.subdomain:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, str) or not _LABEL.fullmatch(found):
        raise CallbackRefused(f"the body has no {'.'.join(flavour.subdomain)} that can be one")
    return found


def _is(pattern: re.Pattern[str] | None, path: str) -> bool:
    return pattern is not None and pattern.fullmatch(path) is not None
