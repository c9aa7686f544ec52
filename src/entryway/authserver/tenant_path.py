"""Requests to a tenant's path: the tenant is taken off it before anything looks at the rest, and put back afterwards.

Redirects and pages of the server name their own paths from the root. Here a redirect gets the tenant's part back; a
page asks `base` for it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.tenant_addresses import PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMED = "entryway.subdomain"
_base: ContextVar[str] = ContextVar("tenant_path", default="")


def base() -> str:
    """Return what stands before the server's paths in this request: `/t/acme`, or nothing."""
    return _base.get()


@dataclass(frozen=True, slots=True)
class TenantPath:
    """Reads `/t/acme/oauth/token` as `/oauth/token` of the tenant `acme`."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with the tenant's part of the path as its root."""
        found = PATH.match(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        root = found[0]

        async def send_back(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [_returned(name, value, root) for name, value in message["headers"]]
            await send(message)

        inner = {**scope, "root_path": scope.get("root_path", "") + root, NAMED: found[1]}
        token = _base.set(root)
        try:
            await self.app(inner, receive, send_back)
        finally:
            _base.reset(token)


def _returned(name: bytes, value: bytes, root: str) -> tuple[bytes, bytes]:
    if name.lower() == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
        return name, root.encode("ascii") + value
    return name, value
