"""The internal interface `/entryway/v1/…`; every request needs a token with the scope `entryway.platform`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.authserver import edge
from entryway.authserver.admin.applications import ApplicationUnknown
from entryway.authserver.admin.people import Profile, UserUnknown
from entryway.authserver.authorization import new_authorization
from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.authserver.grants import TokenRequest, UserDecision
from entryway.errors import BadRequest
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from entryway.authserver.admin.applications import Applications
    from entryway.authserver.admin.bindings import Bindings
    from entryway.authserver.admin.people import People
    from entryway.authserver.bearer import Bearer
    from entryway.authserver.clients import Clients
    from entryway.authserver.granting import Granting
    from entryway.authserver.moments import Clock
    from entryway.authserver.users import Users
    from entryway.authserver.zones import Zone

log = get_logger(__name__)

_PREFIX = "/entryway/v1"
# Ids become part of client ids and secrets, so nothing may stand in them that means something there.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

MOST_LISTED = 1000
LONGEST_CURSOR = 1000

Name = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ApplicationBody(Body):
    plan: Literal["application", "clone", "broker", "apiaccess"]
    xs_security: dict[str, Any] | None = None
    master: Name | None = None
    instance_name: Name | None = None


class BindingBody(Body):
    parameters: dict[str, Any] | None = None


class UserBody(Body):
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    email: Name | None = None
    role_collections: list[Name] | None = Field(default=None, max_length=1000)


class UserTokenBody(Body):
    instance_id: str
    user_name: Name


@dataclass(frozen=True, slots=True)
class AdminEndpoints:
    """The handlers, each with the tenant of its caller's token."""

    bearer: Bearer
    applications: Applications
    bindings: Bindings
    people: People
    users: Users
    clients: Clients
    granting: Granting
    clock: Clock

    def routes(self) -> Sequence[Route]:
        """Return the routes of the interface."""
        application = f"{_PREFIX}/applications/{{instance_id}}"
        binding = f"{application}/bindings/{{binding_id}}"
        user = f"{_PREFIX}/users/{{user_name:path}}"
        return [
            Route(application, self.put_application, methods=["PUT"]),
            Route(application, self.delete_application, methods=["DELETE"]),
            Route(f"{application}/bindings", self.list_bindings, methods=["GET"]),
            Route(binding, self.put_binding, methods=["PUT"]),
            Route(binding, self.get_binding, methods=["GET"]),
            Route(binding, self.delete_binding, methods=["DELETE"]),
            Route(f"{_PREFIX}/users", self.list_users, methods=["GET"]),
            Route(user, self.put_user, methods=["PUT"]),
            Route(user, self.delete_user, methods=["DELETE"]),
            Route(f"{_PREFIX}/role-collections", self.list_role_collections, methods=["GET"]),
            Route(f"{_PREFIX}/tokens", self.user_token, methods=["POST"]),
        ]

    async def put_application(self, request: Request) -> Response:
        """Create or update an application, or a clone of a service."""
        zone, actor = await self._platform(request)
        instance_id = _id(request, "instance_id")
        body = await edge.read_json(request, ApplicationBody)
        if body.plan == "clone":
            if not body.master or body.xs_security is not None:
                raise BadRequest("a clone has a master and no xs_security")
            name = body.instance_name
            registered = await self.applications.put_clone(
                zone, instance_id, body.master, instance_name=name, actor=actor
            )
        elif body.plan == "apiaccess":
            if body.master is not None or body.xs_security is not None:
                raise BadRequest("an instance of the plan apiaccess has neither xs_security nor master")
            registered = await self.applications.put_api_access(
                zone, instance_id, instance_name=body.instance_name, actor=actor
            )
        else:
            if body.xs_security is None or body.master is not None:
                raise BadRequest(f"an application of the plan {body.plan} has xs_security and no master")
            registered = await self.applications.put(
                zone, instance_id, body.plan, body.xs_security, instance_name=body.instance_name, actor=actor
            )
        log.info("application_put", instance_id=instance_id, xsappname=registered.xsappname)
        answer = {"xsappname": registered.xsappname, "clientid": registered.client_id}
        return JSONResponse(answer, 201 if registered.created else 200)

    async def delete_application(self, request: Request) -> Response:
        """Delete an application with its bindings."""
        zone, actor = await self._platform(request)
        await self.applications.delete(zone, _id(request, "instance_id"), actor=actor)
        return Response(status_code=204)

    async def list_bindings(self, request: Request) -> Response:
        """List the bindings of an application, with when their certificates end and were last used."""
        zone = await self._zone(request)
        return JSONResponse({"bindings": await self.bindings.of(zone, _id(request, "instance_id"))})

    async def put_binding(self, request: Request) -> Response:
        """Answer the credentials of a binding."""
        zone, actor = await self._platform(request)
        instance_id, binding_id = _id(request, "instance_id"), _id(request, "binding_id")
        body = await edge.read_json(request, BindingBody)
        return JSONResponse(await self.bindings.put(zone, instance_id, binding_id, body.parameters, actor=actor))

    async def get_binding(self, request: Request) -> Response:
        """Answer the credentials of a binding that exists."""
        zone = await self._zone(request)
        instance_id, binding_id = _id(request, "instance_id"), _id(request, "binding_id")
        return JSONResponse(await self.bindings.find(zone, instance_id, binding_id))

    async def delete_binding(self, request: Request) -> Response:
        """End a binding."""
        zone, actor = await self._platform(request)
        await self.bindings.delete(zone, _id(request, "instance_id"), _id(request, "binding_id"), actor=actor)
        return Response(status_code=204)

    async def list_users(self, request: Request) -> Response:
        """List users, a page at a time."""
        zone = await self._zone(request)
        after, limit = _page(request)
        return JSONResponse(await self.people.users(zone, after=after, limit=limit))

    async def put_user(self, request: Request) -> Response:
        """Create or update a user."""
        zone = await self._zone(request)
        body = await edge.read_json(request, UserBody)
        user, created = await self.people.put(zone, _user_name(request), Profile(**body.model_dump()))
        log.info("user_put", user_id=user["id"], created=created)
        return JSONResponse(user, 201 if created else 200)

    async def delete_user(self, request: Request) -> Response:
        """Delete a user."""
        zone = await self._zone(request)
        await self.people.delete(zone, _user_name(request))
        return Response(status_code=204)

    async def list_role_collections(self, request: Request) -> Response:
        """List role collections, a page at a time."""
        zone = await self._zone(request)
        after, limit = _page(request)
        return JSONResponse(await self.people.role_collections(zone, after=after, limit=limit))

    async def user_token(self, request: Request) -> Response:
        """Answer tokens of a user for an application, as if the user had logged in."""
        zone = await self._zone(request)
        body = await edge.read_json(request, UserTokenBody)
        client = await self.clients.find_by_instance(zone.id, body.instance_id)
        if client is None or client.plan == "platform":
            raise ApplicationUnknown(body.instance_id)
        user = await self.users.find_by_name(zone.id, body.user_name)
        if user is None:
            raise UserUnknown(body.user_name)
        authorization = new_authorization(
            zid=zone.id,
            client_id=client.id,
            user_id=user.id,
            grant_type="authorization_code",
            authenticated_at=self.clock(),
        )
        asked = TokenRequest(zone, "authorization_code", frozenset(), {}, {})
        response = await self.granting.issue(asked, client, UserDecision(user, authorization))
        log.info("token_issued_to_platform", client_id=client.id, user_id=user.id, jti=response["jti"])
        return JSONResponse(response)

    async def _zone(self, request: Request) -> Zone:
        zone, _ = await self._platform(request)
        return zone

    async def _platform(self, request: Request) -> tuple[Zone, str]:
        zone, own = await self.bearer.require(request, PLATFORM_SCOPE)
        return zone, own.client.id


def _page(request: Request) -> tuple[str, int]:
    """Return what a page comes after, and how much it holds."""
    after, limit = request.query_params.get("after", ""), request.query_params.get("limit", str(MOST_LISTED))
    if len(after) > LONGEST_CURSOR or "\0" in after:
        raise BadRequest("after is the next of the page before")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 4 and 1 <= int(limit) <= MOST_LISTED):
        raise BadRequest(f"limit is between 1 and {MOST_LISTED}")
    return after, int(limit)


def _id(request: Request, name: str) -> str:
    value: str = request.path_params[name]
    if not _ID.fullmatch(value):
        raise BadRequest(f"{name} may hold letters, digits, _ and -, at most 64")
    return value


def _user_name(request: Request) -> str:
    value: str = request.path_params["user_name"]
    if not value.strip() or len(value) > 255 or not value.isprintable():
        raise BadRequest("a user name has 1 to 255 printable characters")
    return value
