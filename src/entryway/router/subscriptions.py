"""What a SaaS registry asks the router: on which services tenants depend, and that one comes or goes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from entryway.config.subscription_callbacks import SubscriptionCallbacks
from entryway.http import Headers, Request, Response
from entryway.router.address import address_of
from entryway.router.errors import CallbackRefused, InsufficientScope, MethodNotAllowed
from entryway.router.queries import read_query
from entryway.router.tenants import Tenants
from entryway.security import TokenMissing, TokenValidator
from entryway.telemetry import get_logger

log = get_logger("router.subscriptions")

SCOPES = ("Callback", "mtcallback")
MOST_BYTES = 1024 * 1024
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +(\S+)")


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The callbacks of one application."""

    callbacks: SubscriptionCallbacks
    validator: TokenValidator
    tenants: Tenants | None

    def is_endpoint(self, _request: Request, path: str) -> bool:
        """Tell whether the registry calls this path."""
        return self._is(self.callbacks.dependencies_path, path) or self._is(self.callbacks.subscription_path, path)

    async def handle(self, request: Request) -> Response:
        """Answer the registry; everybody else is refused."""
        await self._check_caller(request)
        if self._is(self.callbacks.dependencies_path, request.target.partition("?")[0]):
            if request.method != "GET":
                raise MethodNotAllowed("GET", "getDependencies")
            body = json.dumps(self.callbacks.dependencies, separators=(",", ":")).encode()
            return Response(200, Headers([(b"content-type", b"application/json; charset=utf-8")]), body)
        if request.method == "DELETE":
            log.info("tenant_left", path=request.target.partition("?")[0])
            return Response(200, Headers([]), b"")
        if request.method != "PUT":
            raise MethodNotAllowed("PUT, DELETE", "onSubscription")
        subdomain = await self._subdomain(request)
        url = self._tenant_url(request, subdomain)
        log.info("tenant_came", subdomain=subdomain, url=url)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
        return Response(200, Headers(headers), url.encode())

    async def _check_caller(self, request: Request) -> None:
        given = _BEARER.fullmatch(request.headers.text("authorization") or "")
        if given is None:
            raise TokenMissing("the registry sends a token")
        context = await self.validator.validate_async(given[1])
        if not any(context.check_local_scope(scope) for scope in SCOPES):
            raise InsufficientScope(f"subscription callbacks need the scope {' or '.join(SCOPES)}")

    async def _subdomain(self, request: Request) -> str:
        try:
            content = json.loads(await request.body.read(MOST_BYTES))
        except (ValueError, RecursionError):
            raise CallbackRefused("the body is not JSON") from None
        subdomain = content.get("subscribedSubdomain") if isinstance(content, dict) else None
        if not isinstance(subdomain, str) or not _LABEL.fullmatch(subdomain):
            raise CallbackRefused("the body has no subscribedSubdomain that can be one")
        return subdomain

    def _tenant_url(self, request: Request, subdomain: str) -> str:
        """Return where the tenant finds the application: the provider's address with the subdomain replaced."""
        given = read_query(request.target).get("application.url")
        address = address_of(request)
        scheme, host = address.proto, address.host
        if given is not None:
            try:
                parts = urlsplit(given[0])
            except ValueError:
                parts = urlsplit("")
            scheme, host = parts.scheme, parts.netloc
            if scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+(?::[0-9]+)?", host):
                raise CallbackRefused("application.url is no address")
        replaced = None if self.tenants is None else self.tenants.host_of(host, subdomain)
        if replaced is None:
            raise CallbackRefused(f"TENANT_HOST_PATTERN finds no tenant in {host!r}")
        return f"{scheme}://{replaced}"

    @staticmethod
    def _is(pattern: re.Pattern[str] | None, path: str) -> bool:
        return pattern is not None and pattern.fullmatch(path) is not None
