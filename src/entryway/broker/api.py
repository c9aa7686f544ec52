"""The Open Service Broker API 2.17 over HTTP. Everything is done before the answer: nothing is ever in progress."""

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

from entryway.broker.broker import Broker, told_parameters
from entryway.broker.catalog import catalog
from entryway.broker.errors import (
    BrokerRequestInvalid,
    Concurrency,
    Gone,
    InstanceConflict,
    Missing,
    VersionUnsupported,
)
from entryway.broker.requests import (
    BindingRequest,
    InstanceRequest,
    check_id,
    check_platform,
    check_version,
)
from entryway.clients.access import PlatformRefused
from entryway.errors import EntrywayError, UpstreamError
from entryway.telemetry import get_logger

log = get_logger("broker")

BODY_LIMIT = 2 * 1024 * 1024
IDENTITY_HEADER = "x-broker-api-request-identity"
_IDENTITY = re.compile(r"[\x20-\x7e]{1,200}")
_OURS = (BrokerRequestInvalid, Concurrency, Gone, InstanceConflict, Missing, VersionUnsupported)

Document = TypeVar("Document", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class BrokerApi:
    """The requests there are; each is the platform's, or refused."""

    broker: Broker
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
        created = await self.broker.provision(_instance_id(request), await _read(request, InstanceRequest))
        return JSONResponse({}, 201 if created else 200)

    async def update(self, request: Request) -> Response:
        await self.broker.update(_instance_id(request), await _read(request, InstanceRequest))
        return JSONResponse({})

    async def fetch_instance(self, request: Request) -> Response:
        instance = await self.broker.instance(_instance_id(request))
        known = {"service_id": instance.service_id, "plan_id": instance.plan_id}
        return JSONResponse(known | {"parameters": told_parameters(instance)})

    async def deprovision(self, request: Request) -> Response:
        query = request.query_params
        await self.broker.deprovision(_instance_id(request), query.get("service_id"), query.get("plan_id"))
        return JSONResponse({})

    async def last_instance_operation(self, request: Request) -> Response:
        await self.broker.instance(_instance_id(request))
        return JSONResponse({"state": "succeeded"})

    async def bind(self, request: Request) -> Response:
        wanted = await _read(request, BindingRequest)
        bound, created = await self.broker.bind(_instance_id(request), _binding_id(request), wanted)
        return JSONResponse({"credentials": dict(bound.credentials)}, 201 if created else 200)

    async def fetch_binding(self, request: Request) -> Response:
        bound = await self.broker.binding(_instance_id(request), _binding_id(request))
        return JSONResponse({"credentials": dict(bound.credentials), "parameters": dict(bound.parameters)})

    async def unbind(self, request: Request) -> Response:
        query = request.query_params
        ids = _instance_id(request), _binding_id(request)
        await self.broker.unbind(*ids, query.get("service_id"), query.get("plan_id"))
        return JSONResponse({})

    async def last_binding_operation(self, request: Request) -> Response:
        await self.broker.binding(_instance_id(request), _binding_id(request))
        return JSONResponse({"state": "succeeded"})

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
        answer = JSONResponse({"description": error.detail}, error.status_code, dict(error.headers or {}))
        return _finished(request, answer)
    failed = _translated(error)
    if failed.status >= 500:
        log.error("broker_request_failed", code=failed.code, reason=failed.detail, exc_info=error)
    else:
        log.info("broker_request_refused", code=failed.code, reason=failed.detail)
    content = {"description": failed.title}
    if isinstance(failed, _OURS):
        content = {"error": failed.osb, "description": failed.detail}
    elif isinstance(failed, UpstreamError):
        content = {"error": "UpstreamFailed", "description": f"{failed.title}: {failed.origin}"}
    headers = {"entryway-error": failed.code}
    if failed.status == 401:
        headers["www-authenticate"] = 'Basic realm="entryway broker"'
    return _finished(request, JSONResponse(content, failed.status, headers))


def _translated(error: Exception) -> EntrywayError:
    if isinstance(error, PlatformRefused) and error.answered not in {401, 403}:
        # The service behind us understood the parameters and refused them: the platform's user must learn why.
        return BrokerRequestInvalid(error.description)
    return error if isinstance(error, EntrywayError) else EntrywayError(type(error).__name__)


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
