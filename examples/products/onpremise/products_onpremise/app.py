"""HTTP: authenticate by certificate, check the CSRF token, hand the operation to the service."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from products_onpremise import csrf
from products_onpremise.batch import ChangeSet, ChangeSetAnswer, build_batch, parse_batch
from products_onpremise.certificates import identify
from products_onpremise.entities import ROOT
from products_onpremise.errors import CsrfTokenMissing, ODataError, TooLarge, document
from products_onpremise.operations import READING, Answer, Operation
from products_onpremise.service import Caller, Service

LARGEST_BODY = 1_048_576
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "MERGE", "DELETE"]

log = logging.getLogger("products_onpremise")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The whole service behind one address."""

    service: Service
    authority: x509.Certificate
    csrf_key: bytes
    clock: Callable[[], datetime]
    new_boundary: Callable[[], str]

    async def respond(self, request: Request) -> Response:
        try:
            response = await self._answer(request)
        except ODataError as error:
            log.warning("%s %s refused with %s: %s", request.method, request.url.path, error.status, error)
            response = JSONResponse(document(error), error.status)
            if isinstance(error, CsrfTokenMissing):
                response.headers["X-CSRF-Token"] = "Required"
        response.headers["DataServiceVersion"] = "2.0"
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _answer(self, request: Request) -> Response:
        headers = request.headers.getlist("ssl_client_cert")
        caller = Caller(identify(headers, self.authority, self.clock()), str(request.base_url).rstrip("/"))
        user = caller.identity.user
        if request.method not in READING:
            csrf.check(self.csrf_key, user, request.headers.get("x-csrf-token"))
        operation = await _operation(request)
        if (operation.method, operation.path) == ("POST", "$batch"):
            response = self._batch(operation, caller)
        else:
            response = _response(self.service.answer(operation, caller))
        log.info("%s %s answered %s for user %s", request.method, request.url.path, response.status_code, user)
        if request.method in READING and request.headers.get("x-csrf-token", "").lower() == "fetch":
            response.headers["X-CSRF-Token"] = csrf.issue(self.csrf_key, user)
        return response

    def _batch(self, operation: Operation, caller: Caller) -> Response:
        parts = parse_batch(operation.headers.get("content-type", ""), operation.body)
        answers = [
            self._change_set(part, caller) if isinstance(part, ChangeSet) else self._attempt(part, caller)
            for part in parts
        ]
        boundary = self.new_boundary()
        return Response(build_batch(answers, boundary), 202, {"Content-Type": f"multipart/mixed; boundary={boundary}"})

    def _attempt(self, operation: Operation, caller: Caller) -> Answer:
        try:
            return self.service.answer(operation, caller)
        except ODataError as error:
            return _refusal(error)

    def _change_set(self, change_set: ChangeSet, caller: Caller) -> Answer | ChangeSetAnswer:
        try:
            planned = [self.service.plan(operation, caller) for operation in change_set.operations]
        except ODataError as error:
            return _refusal(error)  # one answer for the whole set: nothing of it was done
        self.service.make(planned)
        return ChangeSetAnswer(tuple(Answer(204) for _ in planned))


def build(endpoint: Endpoint) -> Starlette:
    return Starlette(routes=[Route(ROOT + "{path:path}", endpoint.respond, methods=METHODS)])


async def _operation(request: Request) -> Operation:
    # The raw path: what is percent-encoded there belongs to a key, not to the path.
    raw = request.scope["raw_path"].decode("ascii", "replace").partition("?")[0]
    method = request.method
    if method == "POST":
        method = request.headers.get("x-http-method", method).upper()
    return Operation(
        method=method,
        path=raw.partition(ROOT)[2],
        query=request.url.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await _body(request),
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise TooLarge(f"The body is larger than {LARGEST_BODY} bytes")
    return bytes(body)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))


def _refusal(error: ODataError) -> Answer:
    refusal = JSONResponse(document(error))
    return Answer(error.status, bytes(refusal.body), {"Content-Type": "application/json;charset=utf-8"})
