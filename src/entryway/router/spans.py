"""The router's spans: one for each request or decision, and one for each question to a backend or a service.

Names and attributes are those of OpenTelemetry's conventions for HTTP. Queries are left out, because logins carry their
codes there, and so is everything that names a user or holds a secret. Imported only where traces are wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from entryway.errors import EntrywayError
from entryway.http import Client, Headers, Origin, OutgoingRequest, PoolLimits, Request, Response
from entryway.router.decision import DecisionEndpoint
from entryway.router.request_trace import TracingClient
from entryway.router.router import Router
from entryway.security.errors import KeysUnavailable
from entryway.security.validator import TokenValidator
from entryway.security.wire import Answer
from entryway.security.wire import Request as KeyRequest

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from entryway.router.notes import Notes
    from entryway.security.credentials import ServiceCredentials
    from entryway.security.jws import UnverifiedToken
    from entryway.security.wire import Conversation, NoAnswer

W3C = TraceContextTextMapPropagator()
CONTEXT = ("traceparent", "tracestate")
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
OTHER = "_OTHER"
DECISION = "decision"
"""How a decision's span is called until its route is known."""


class SpanningRouter(Router):
    """A router that makes a span of each request, in the trace that the request belongs to."""

    tracer: Tracer

    def __init__(self, *, tracer: Tracer, **parts: Any) -> None:
        super().__init__(**parts)
        # What is frozen is set like this; a data class of its own could not inherit from one that is compiled.
        object.__setattr__(self, "tracer", tracer)

    async def __call__(self, request: Request) -> Response:
        """Answer a request, inside its span; the span ends with the answer's head."""
        with self.tracer.start_as_current_span(
            _named(request.method),
            context=W3C.extract(_carried(request)),
            kind=SpanKind.SERVER,
            attributes=_asked(request),
            record_exception=False,  # texts of exceptions may hold what no span may
            set_status_on_exception=False,
        ):
            return await Router.__call__(self, request)

    def note(self, request: Request, response: Response, request_id: bytes, notes: Notes, seconds: float) -> None:
        """Put what became of the request into its span too."""
        Router.note(self, request, response, request_id, notes, seconds)
        span = get_current_span()
        if not span.is_recording():
            return
        span.set_attribute("http.response.status_code", response.status)
        span.set_attribute("entryway.request_id", request_id.decode("latin-1"))
        if notes.route:
            span.update_name(f"{_named(request.method)} {notes.route}")
            span.set_attribute("http.route", notes.route)
        if notes.destination:
            span.set_attribute("entryway.destination", notes.destination)
        if notes.error is not None:
            span.set_attribute("entryway.error", notes.error.code)
        if response.status >= 500:
            _fail(span, str(response.status) if notes.error is None else notes.error.code)


@dataclass(frozen=True, slots=True)
class SpanningDecisions(DecisionEndpoint):
    """A decision endpoint that makes a span of each decision; it says what the request was that was asked about."""

    tracer: Tracer

    async def __call__(self, request: Request) -> Response:
        """Decide, inside a span."""
        with self.tracer.start_as_current_span(
            DECISION,
            context=W3C.extract(_carried(request)),
            kind=SpanKind.SERVER,
            attributes={"entryway.decision": True},
            record_exception=False,
            set_status_on_exception=False,
        ):
            return await DecisionEndpoint.__call__(self, request)

    def note(  # noqa: PLR0917 - values, not a bag
        self, router: Router, asked: Request, response: Response, request_id: bytes, notes: Notes, seconds: float
    ) -> None:
        """Put the request that was asked about into the span; the router adds what became of it."""
        get_current_span().set_attributes(_asked(asked))
        DecisionEndpoint.note(self, router, asked, response, request_id, notes, seconds)


class SpanningClient(Client):
    """A client that makes a span of each request, and hands the trace on."""

    def __init__(self, tracer: Tracer, limits: PoolLimits | None = None) -> None:
        super().__init__(limits)
        self._tracer = tracer

    async def send(self, request: OutgoingRequest) -> Response:
        """Send the request, inside a span; the span ends with the answer's head."""
        with self._tracer.start_as_current_span(
            _named(request.method),
            kind=SpanKind.CLIENT,
            attributes=_going(request),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            carried: dict[str, str] = {}
            W3C.inject(carried)
            kept = [header for header in request.headers.raw if header[0] not in _CONTEXT]
            request.headers = Headers.trusted(kept + [(name.encode(), carried[name].encode()) for name in carried])
            try:
                response = await super().send(request)
            except EntrywayError as error:
                _fail(span, error.code)
                raise
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= 400:
                _fail(span, str(response.status))
            return response


class SpanningTracingClient(SpanningClient, TracingClient):
    """One that logs each request besides (`REQUEST_TRACE`)."""


class SpanningValidator(TokenValidator):
    """Judges tokens, and makes a span of each question for keys."""

    def __init__(self, tracer: Tracer, credentials: ServiceCredentials, **more: Any) -> None:
        super().__init__(credentials, **more)
        self._tracer = tracer

    def ask_for_keys(self, token: UnverifiedToken) -> Conversation[dict[str, Any]]:
        """Ask for the keys, inside a span for each attempt."""
        conversation = super().ask_for_keys(token)
        answer: Answer | NoAnswer | None = None
        while True:
            try:
                step = conversation.send(answer)
            except StopIteration as found:
                keys: dict[str, Any] = found.value
                return keys
            answer = (yield from self._ask(step)) if isinstance(step, KeyRequest) else (yield step)

    def _ask(self, request: KeyRequest) -> Conversation[Answer | NoAnswer | None]:
        # Not the current span: who carries this conversation on may do other things in between.
        span = self._tracer.start_span("GET", kind=SpanKind.CLIENT, attributes=_keys_of(request.url))
        carried: dict[str, str] = {}
        W3C.inject(carried, set_span_in_context(span))
        try:
            answer = yield replace(request, headers={**request.headers, **carried})
            if not isinstance(answer, Answer):
                _fail(span, KeysUnavailable.code)
                return answer
            span.set_attribute("http.response.status_code", answer.status)
            if answer.status >= 400:
                _fail(span, str(answer.status))
            return answer
        finally:
            span.end()


def _keys_of(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "http.request.method": "GET",
        "url.full": f"{parts.scheme}://{parts.netloc}{parts.path}",
        "server.address": parts.hostname or "",
        "server.port": parts.port or 443,
    }


_CONTEXT = frozenset(name.encode() for name in CONTEXT)


def _carried(request: Request) -> dict[str, str]:
    return {name: value for name in CONTEXT if (value := request.headers.text(name)) is not None}


def _asked(request: Request) -> dict[str, Any]:
    host, port = _authority(request.authority)
    attributes = {
        "http.request.method": _method(request.method),
        "url.scheme": request.scheme,
        "url.path": request.target.partition("?")[0],
        "server.address": host,
        "client.address": request.peer.host,
        "network.peer.address": request.peer.host,
        "network.peer.port": request.peer.port,
    }
    if port:
        attributes["server.port"] = port
    if agent := request.headers.text("user-agent"):
        attributes["user_agent.original"] = agent
    if request.method not in METHODS:
        attributes["http.request.method_original"] = request.method
    return attributes


def _going(request: OutgoingRequest) -> dict[str, Any]:
    origin = request.origin
    attributes: dict[str, Any] = {
        "http.request.method": _method(request.method),
        "url.full": f"{origin.label}{request.target.partition('?')[0]}",
    }
    if isinstance(origin, Origin):
        attributes |= {"server.address": origin.host, "server.port": origin.port}
    else:
        attributes["server.address"] = origin.label
    return attributes


def _authority(authority: str) -> tuple[str, int | None]:
    host, colon, port = authority.rpartition(":")
    return (host, int(port)) if colon and port.isascii() and port.isdigit() and len(port) <= 5 else (authority, None)


def _method(method: str) -> str:
    return method if method in METHODS else OTHER


def _named(method: str) -> str:
    return method if method in METHODS else "HTTP"


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
