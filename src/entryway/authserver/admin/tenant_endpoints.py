"""Tenants, their domains, subscriptions and signing keys, for whoever runs the landscape: `/entryway/v1/tenants/…`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.authserver import edge
from entryway.authserver.admin.endpoints import Body, Name
from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.errors import BadRequest, Forbidden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from entryway.authserver.admin.domains import Domains
    from entryway.authserver.admin.subscriptions import Subscriptions
    from entryway.authserver.admin.tenants import Tenants
    from entryway.authserver.bearer import Bearer
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.zones import Zone

_PREFIX = "/entryway/v1/tenants"
MOST_LISTED = 1000


class TenantBody(Body):
    subdomain: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    name: Name
    id: Annotated[str, StringConstraints(min_length=1, max_length=36)] | None = None


class TenantChange(Body):
    name: Name | None = None
    suspended: bool | None = None


class SubscriptionBody(Body):
    dependencies: list[Name] = Field(default_factory=list, max_length=100)


class DomainBody(Body):
    # Whether the tenant's addresses, and the issuer of its tokens, are at this domain from now on.
    main: bool = False


class KeyStep(Body):
    force: bool = False


@dataclass(frozen=True, slots=True)
class TenantEndpoints:
    """The handlers; each needs a token of the landscape's own tenant."""

    settings: AuthServerSettings
    bearer: Bearer
    tenants: Tenants
    subscriptions: Subscriptions
    domains: Domains
    keys: SigningKeys

    def routes(self) -> Sequence[Route]:
        """Return the routes of the interface."""
        tenant = f"{_PREFIX}/{{zid}}"
        subscription = f"{tenant}/subscriptions/{{xsappname}}"
        domain = f"{tenant}/domains/{{host}}"
        key = f"{tenant}/keys/{{kid}}"
        return [
            Route(_PREFIX, self.list_tenants, methods=["GET"]),
            Route(_PREFIX, self.create_tenant, methods=["POST"]),
            Route(tenant, self.get_tenant, methods=["GET"]),
            Route(tenant, self.change_tenant, methods=["PATCH"]),
            Route(tenant, self.delete_tenant, methods=["DELETE"]),
            Route(f"{tenant}/subscriptions", self.list_subscriptions, methods=["GET"]),
            Route(subscription, self.subscribe, methods=["PUT"]),
            Route(subscription, self.unsubscribe, methods=["DELETE"]),
            Route(f"{tenant}/domains", self.list_domains, methods=["GET"]),
            Route(domain, self.put_domain, methods=["PUT"]),
            Route(domain, self.delete_domain, methods=["DELETE"]),
            Route(f"{tenant}/keys", self.list_keys, methods=["GET"]),
            Route(f"{tenant}/keys", self.create_key, methods=["POST"]),
            Route(f"{key}/enable", self.enable_key, methods=["POST"]),
            Route(key, self.delete_key, methods=["DELETE"]),
        ]

    async def list_tenants(self, request: Request) -> Response:
        """List tenants by their numbers, a page at a time."""
        await self._platform(request)
        after, limit = _number(request, "after", 0), _number(request, "limit", 100)
        if not 1 <= limit <= MOST_LISTED:
            raise BadRequest(f"limit is between 1 and {MOST_LISTED}")
        return JSONResponse(await self.tenants.listed(after=after, limit=limit))

    async def create_tenant(self, request: Request) -> Response:
        """Create a tenant."""
        _, actor = await self._platform(request)
        body = await edge.read_json(request, TenantBody)
        return JSONResponse(await self.tenants.create(body.subdomain, body.name, body.id, actor), 201)

    async def get_tenant(self, request: Request) -> Response:
        """Answer a tenant."""
        await self._platform(request)
        return JSONResponse(await self.tenants.find(request.path_params["zid"]))

    async def change_tenant(self, request: Request) -> Response:
        """Rename, suspend or resume a tenant."""
        _, actor = await self._platform(request)
        body = await edge.read_json(request, TenantChange)
        zid = request.path_params["zid"]
        return JSONResponse(await self.tenants.change(zid, name=body.name, suspended=body.suspended, actor=actor))

    async def delete_tenant(self, request: Request) -> Response:
        """Delete a tenant."""
        _, actor = await self._platform(request)
        await self.tenants.delete(request.path_params["zid"], actor)
        return Response(status_code=204)

    async def list_subscriptions(self, request: Request) -> Response:
        """List what a tenant has subscribed to."""
        await self._platform(request)
        subscriber = await self._tenant(request)
        return JSONResponse({"subscriptions": await self.subscriptions.listed(subscriber)})

    async def subscribe(self, request: Request) -> Response:
        """Let a tenant use an application of the landscape's own tenant."""
        provider, actor = await self._platform(request)
        body = await edge.read_json(request, SubscriptionBody)
        subscriber, xsappname = await self._tenant(request), request.path_params["xsappname"]
        done = await self.subscriptions.subscribe(provider, subscriber, xsappname, body.dependencies, actor)
        return JSONResponse(done)

    async def unsubscribe(self, request: Request) -> Response:
        """Take an application away from a tenant."""
        _, actor = await self._platform(request)
        subscriber = await self._tenant(request)
        await self.subscriptions.unsubscribe(subscriber, request.path_params["xsappname"], actor)
        return Response(status_code=204)

    async def list_domains(self, request: Request) -> Response:
        """List the domains at which a tenant answers beside its subdomain."""
        await self._platform(request)
        return JSONResponse({"domains": await self.domains.listed(await self._tenant(request))})

    async def put_domain(self, request: Request) -> Response:
        """Let a tenant answer at a domain of its own."""
        _, actor = await self._platform(request)
        body = await edge.read_json(request, DomainBody)
        zone, host = await self._tenant(request), request.path_params["host"]
        domain, created = await self.domains.put(zone, host, main=body.main, actor=actor)
        return JSONResponse(domain, 201 if created else 200)

    async def delete_domain(self, request: Request) -> Response:
        """Let a tenant answer at a domain no more."""
        _, actor = await self._platform(request)
        await self.domains.delete(await self._tenant(request), request.path_params["host"], actor=actor)
        return Response(status_code=204)

    async def list_keys(self, request: Request) -> Response:
        """List a tenant's signing keys."""
        await self._platform(request)
        zone = await self._tenant(request)
        return JSONResponse({"keys": await self.keys.listed(zone.id)})

    async def create_key(self, request: Request) -> Response:
        """Make a second signing key, to be enabled later."""
        _, actor = await self._platform(request)
        zone = await self._tenant(request)
        return JSONResponse(await self.keys.create(zone.id, actor), 201)

    async def enable_key(self, request: Request) -> Response:
        """Sign with this key from now on."""
        _, actor = await self._platform(request)
        body = await edge.read_json(request, KeyStep)
        zone, kid = await self._tenant(request), request.path_params["kid"]
        return JSONResponse(await self.keys.enable(zone.id, kid, actor, forced=body.force))

    async def delete_key(self, request: Request) -> Response:
        """End a signing key and every token that it signed."""
        _, actor = await self._platform(request)
        forced = request.query_params.get("force", "false").lower() == "true"
        zone = await self._tenant(request)
        await self.keys.delete(zone.id, request.path_params["kid"], actor, forced=forced)
        return Response(status_code=204)

    async def _platform(self, request: Request) -> tuple[Zone, str]:
        zone, own = await self.bearer.require(request, PLATFORM_SCOPE)
        if zone.subdomain != self.settings.subdomain:
            raise Forbidden("tenants are administered from the landscape's own tenant")
        return zone, own.user.user_name if own.user else own.client.id

    async def _tenant(self, request: Request) -> Zone:
        return await self.tenants.zone(request.path_params["zid"])


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequest(f"{name} is a number")
    return int(text)
