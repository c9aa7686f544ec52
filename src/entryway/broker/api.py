"""The Open Service Broker API 2.17 over HTTP."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entryway.broker import failures
from entryway.broker.broker import Broker, told_parameters
from entryway.broker.catalog import catalog, find_plan
from entryway.broker.errors import BrokerRequestInvalid, Concurrency
from entryway.broker.operation_store import Kind, State
from entryway.broker.operations import Operations
from entryway.broker.requests import (
    BindingRequest,
    InstanceRequest,
    check_id,
    check_platform,
    check_version,
)
from entryway.web.methods import refusal_headers

BODY_LIMIT = 2 * 1024 * 1024
IDENTITY_HEADER = "x-broker-api-request-identity"
_IDENTITY = re.compile(r"[\x20-\x7e]{1,200}")

Document = TypeVar("Document", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class BrokerApi:
    """The requests there are; each is the platform's, or refused."""

    broker: Broker
    operations: Operations
    secret: str

    def routes(self) -> list[Route]:
        instance = "/v2/service_instances/{instance_id}"
        binding = f"{instance}/service_bindings/{{binding_id}}"
        return [
            self._route("/v2/catalog", self.catalog, "GET"),
            self._route(instance, self.provision, "PUT"),
            self._route(instance, self.update, "PATCH"),
            self._route(instance, self.fetch_instance, "GET"),
            self._route(instance, self.deprovision, "DELETE"),
            self._route(f"{instance}/last_operation", self.last_instance_operation, "GET"),
            self._route(binding, self.bind, "PUT"),
            self._route(binding, self.fetch_binding, "GET"),
            self._route(binding, self.unbind, "DELETE"),
            self._route(f"{binding}/last_operation", self.last_binding_operation, "GET"),
        ]

    async def catalog(self, request: Request) -> Response:
        del request
        return JSONResponse(catalog())

    async def provision(self, request: Request) -> Response:
        instance_id, wanted = _instance_id(request), await _read(request, InstanceRequest)
        if answer := await self._later(request, Kind.CREATE, instance_id, wanted):
            return answer
        with self.broker.alone(instance_id):
            created = await self.broker.provision(instance_id, wanted)
        return JSONResponse({}, 201 if created else 200)

    async def update(self, request: Request) -> Response:
        instance_id, wanted = _instance_id(request), await _read(request, InstanceRequest)
        if answer := await self._later(request, Kind.UPDATE, instance_id, wanted):
            return answer
        with self.broker.alone(instance_id):
            await self.broker.update(instance_id, wanted)
        return JSONResponse({})

    async def fetch_instance(self, request: Request) -> Response:
        instance = await self.broker.instance(_instance_id(request))
        operation = await self.operations.find(instance.id, None)
        if operation is not None and operation.state is State.IN_PROGRESS:
            raise Concurrency(instance.id)
        known = {"service_id": instance.service_id, "plan_id": instance.plan_id}
        return JSONResponse(known | {"parameters": told_parameters(instance)})

    async def deprovision(self, request: Request) -> Response:
        instance_id, query = _instance_id(request), request.query_params
        plan = find_plan(query.get("service_id"), query.get("plan_id"))
        wanted = InstanceRequest(service_id=plan.service_id, plan_id=plan.id)
        if answer := await self._later(request, Kind.DELETE, instance_id, wanted):
            return answer
        with self.broker.alone(instance_id):
            await self.broker.deprovision(instance_id, plan.service_id, plan.id)
        return JSONResponse({})

    async def last_instance_operation(self, request: Request) -> Response:
        instance_id, query = _instance_id(request), request.query_params
        operation = await self.operations.find(instance_id, query.get("operation"))
        instance = None if operation else await self.broker.instance(instance_id)
        asked: Any = operation or instance
        if query.get("service_id") not in {None, asked.service_id} or query.get("plan_id") not in {None, asked.plan_id}:
            raise BrokerRequestInvalid("the instance is of another service or plan")
        description = self.broker.remarks(instance) if instance else asked.description
        told = {"state": State.SUCCEEDED if instance else asked.state}
        return JSONResponse(told | ({"description": description} if description else {}))

    async def bind(self, request: Request) -> Response:
        wanted = await _read(request, BindingRequest)
        instance_id, binding_id = _instance_id(request), _binding_id(request)
        with self.broker.alone(instance_id):
            bound, created = await self.broker.bind(instance_id, binding_id, wanted)
        return JSONResponse({"credentials": dict(bound.credentials)}, 201 if created else 200)

    async def fetch_binding(self, request: Request) -> Response:
        bound = await self.broker.binding(_instance_id(request), _binding_id(request))
        return JSONResponse({"credentials": dict(bound.credentials), "parameters": dict(bound.parameters)})

    async def unbind(self, request: Request) -> Response:
        query = request.query_params
        instance_id, binding_id = _instance_id(request), _binding_id(request)
        with self.broker.alone(instance_id):
            await self.broker.unbind(instance_id, binding_id, query.get("service_id"), query.get("plan_id"))
        return JSONResponse({})

    async def last_binding_operation(self, request: Request) -> Response:
        await self.broker.binding(_instance_id(request), _binding_id(request))
        return JSONResponse({"state": "succeeded"})

    async def _later(self, request: Request, kind: Kind, instance_id: str, wanted: InstanceRequest) -> Response | None:
        """Begin an operation if the platform can wait for one, and there is one to wait for."""
        if request.query_params.get("accepts_incomplete") != "true":
            return None
        operation = await self.operations.begin(kind, instance_id, wanted)
        return None if operation is None else JSONResponse({"operation": operation}, 202)

    def _route(self, path: str, endpoint: Endpoint, method: str) -> Route:
        async def checked(request: Request) -> Response:
            # First of all who asks: whoever it is not, learns nothing of what there is.
            check_platform(request.headers.get("authorization"), self.secret)
            check_version(request.headers)
            return _finished(request, await endpoint(request))

        return Route(path, checked, methods=[method])


async def render(request: Request, error: Exception) -> Response:
    """Answer a request that failed, in the shape that platforms read."""
    if isinstance(error, HTTPException):
        answer = JSONResponse({"description": error.detail}, error.status_code, refusal_headers(request, error))
        return _finished(request, answer)
    failed = failures.translated(error)
    failures.note(failed, error)
    headers = {"entryway-error": failed.code}
    if failed.status == 401:
        headers["www-authenticate"] = 'Basic realm="entryway broker"'
    return _finished(request, JSONResponse(failures.content(failed), failed.status, headers))


def _finished(request: Request, response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    identity = request.headers.get(IDENTITY_HEADER)
    if identity and _IDENTITY.fullmatch(identity):
        response.headers[IDENTITY_HEADER] = identity
    return response


def _instance_id(request: Request) -> str:
    return check_id(request.path_params["instance_id"])


def _binding_id(request: Request) -> str:
    return check_id(request.path_params["binding_id"])


async def _read(request: Request, document: type[Document]) -> Document:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_LIMIT:
            raise BrokerRequestInvalid(f"the body has more than {BODY_LIMIT} bytes")
    try:
        return document.model_validate_json(bytes(content))
    except ValidationError as error:
        found: list[Any] = list(error.errors(include_input=False, include_url=False))
        mistakes = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in found[:20])
        raise BrokerRequestInvalid(mistakes) from None
