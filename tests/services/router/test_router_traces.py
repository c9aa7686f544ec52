"""Traces: what reaches a collector, in which trace, and what never does."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from router_neighbours import running_destinations
from test_router_reload import files, process

from entryway.config.operation import read_operation
from entryway.http import Request, Response, Server
from entryway.router.build_traces import kinds_for
from entryway.testing.issuer import running_issuer

if TYPE_CHECKING:
    from router_world import World

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CARRIED = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=value"}
SERVER, CLIENT = 2, 3


@dataclass
class Collector:
    """Takes what the exporter sends by OTLP over HTTP, and reads it."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    raw: bytes = b""

    async def handle(self, request: Request) -> Response:
        body = await request.body.read()
        assert request.target == "/v1/traces"
        if request.headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return Response(200)

    def named(self, name: str) -> Any:
        [found] = [span for span in self.spans if span.name == name]
        return found


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    there = Collector()
    server = Server(there.handle)
    host, port = await server.listen("127.0.0.1", 0)
    there.url = f"http://{host}:{port}"
    # The SDK reads the process's environment: what a router adds to it ends with the test.
    for name, value in settings(there).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "*")
    yield there
    await server.close(0)


def settings(collector: Collector, **more: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "shop-router"} | more


async def sent(world: World) -> None:
    assert world.app is not None
    assert world.app.traces is not None
    await asyncio.to_thread(world.app.traces.provider.force_flush)


async def test_a_trace_goes_through_to_the_backend(world: World, collector: Collector) -> None:
    browser = await world.start(env=settings(collector))

    answer = await browser.get("/public/x?code=secret", user_agent="browser", **CARRIED)

    await sent(world)
    asked, going = collector.named("GET /routes/1 ^/public/(.*)$"), collector.named("GET")
    assert (asked.kind, asked.trace_id.hex(), asked.parent_span_id.hex()) == (SERVER, TRACE, SPAN)
    assert (going.kind, going.trace_id.hex(), going.parent_span_id) == (CLIENT, TRACE, asked.span_id)
    reached = world.backend.requests[0].headers
    assert reached.all(b"traceparent") == [f"00-{TRACE}-{going.span_id.hex()}-01".encode()]
    assert reached.text("tracestate") == "vendor=value"
    assert collector.services == {"shop-router"}
    assert attributes(asked) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/routes/1 ^/public/(.*)$",
        "url.scheme": "http",
        "url.path": "/public/x",
        "server.address": "127.0.0.1",
        "server.port": world.port,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": attributes(asked)["network.peer.port"],
        "user_agent.original": "browser",
        "entryway.destination": "b",
        "entryway.request_id": answer.headers["x-request-id"],
    }
    assert attributes(going) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.full": f"{world.backend.url}/x",
        "server.address": "127.0.0.1",
        "server.port": world.backend.port,
    }


async def test_a_request_without_a_trace_begins_one(world: World, collector: Collector) -> None:
    browser = await world.start(env=settings(collector))
    await browser.get("/public/x", traceparent="00-nonsense-01")
    await sent(world)
    asked = collector.named("GET /routes/1 ^/public/(.*)$")
    assert asked.parent_span_id == b""
    assert world.backend.requests[0].headers.text("traceparent").split("-")[1] == asked.trace_id.hex()  # type: ignore[union-attr]


async def test_token_services_are_in_the_trace_and_no_secret_is(world: World, collector: Collector) -> None:
    browser = await world.start(env=settings(collector))
    await browser.log_in()
    token = await browser.csrf_token()
    await browser.request("POST", "/private/x", x_csrf_token=token)
    await sent(world)
    asked = next(span for span in collector.spans if attributes(span).get("url.full") == f"{world.uaa.url}/oauth/token")
    [form] = world.uaa.grants("authorization_code")
    assert form["header:traceparent"].startswith(f"00-{asked.trace_id.hex()}-{asked.span_id.hex()}-")
    callback = next(span for span in collector.spans if span.span_id == asked.parent_span_id)
    assert attributes(callback)["url.path"] == "/login/callback"
    cookie = browser.cookie("JSESSIONID") or ""
    for secret in (form["code"], token, cookie, "alex", "s3cret"):
        assert secret.encode() not in collector.raw, secret


async def test_questions_for_keys_are_in_the_trace(world: World, collector: Collector, tmp_path: Path) -> None:
    (tmp_path / "issuer").mkdir()
    with running_issuer(tmp_path / "issuer") as issuer:
        world.clock.now = time.time()
        uaa = issuer.credentials("shop!t1", url=world.uaa.url)
        trusted = {"NODE_EXTRA_CA_CERTS": str(issuer.ca_file)}
        browser = await world.start(services={"uaa": uaa}, env=settings(collector) | trusted)
        token = issuer.token(xsappname="shop!t1")
        got = await browser.get("/private/x", x_approuter_authorization=f"Bearer {token}", **CARRIED)
        assert got.status_code == 200
        await sent(world)
        asking = next(span for span in collector.spans if attributes(span).get("url.full", "").endswith("/token_keys"))
        assert (asking.kind, asking.trace_id.hex()) == (CLIENT, TRACE)
        assert attributes(asking)["http.response.status_code"] == 200
        assert token.encode() not in collector.raw


async def test_what_the_destination_service_is_asked_is_in_the_trace(world: World, collector: Collector) -> None:
    service = await world.stack.enter_async_context(running_destinations(world.uaa))
    token = {"type": "Bearer", "value": "XT", "http_header": {"key": "Authorization", "value": "Bearer XT-secret"}}
    service.define("crm", world.backend.url, [token])
    route = {"source": "^/crm/(.*)$", "target": "$1", "destination": "crm"}
    services = {"destination": service.credentials()}
    browser = await world.start(route, env=settings(collector), services=services)
    await browser.log_in("/crm/x")

    await browser.get("/crm/x", **CARRIED)
    await browser.get("/unknown")

    await sent(world)
    [asked] = [span for span in collector.spans if span.trace_id.hex() == TRACE and span.kind == SERVER]
    inside = {attributes(span)["url.full"]: span for span in collector.spans if span.parent_span_id == asked.span_id}
    found = inside[f"{service.url}/destination-configuration/v1/destinations/crm"]
    assert list(inside) == [f"{world.uaa.url}/oauth/token", attributes(found)["url.full"], f"{world.backend.url}/x"]
    assert service.traces == [f"00-{TRACE}-{found.span_id.hex()}-01"]
    assert attributes(found)["http.response.status_code"] == 200
    assert (asked.name, attributes(asked)["entryway.destination"]) == ("GET /routes/0 ^/crm/(.*)$", "crm")
    for secret in (b"XT-secret", b"dest-secret", b"eyJ"):
        assert secret not in collector.raw, secret


async def test_a_destination_service_that_fails_is_marked(world: World, collector: Collector) -> None:
    service = await world.stack.enter_async_context(running_destinations(world.uaa))
    route = {"source": "^/crm/(.*)$", "destination": "crm", "authenticationType": "none"}
    services = {"destination": service.credentials()}
    browser = await world.start(route, env=settings(collector), services=services)

    assert (await browser.get("/crm/x", **CARRIED)).status_code == 502

    await sent(world)
    asked = collector.named("GET /routes/0 ^/crm/(.*)$")
    [failed] = [span for span in collector.spans if attributes(span).get("error.type") == "404"]
    assert attributes(failed)["url.full"].endswith("/destination-configuration/v1/destinations/crm")
    assert (failed.parent_span_id, failed.status.code) == (asked.span_id, 2)
    assert attributes(asked)["entryway.error"] == "destination_failed"


async def test_each_decision_has_a_span_that_says_what_was_asked_about(world: World, collector: Collector) -> None:
    browser = await world.start(env=settings(collector) | {"ENTRYWAY_DECISION_PORT": "1"})
    app = world.app
    assert app is not None
    deciding = Server(kinds_for(app.traces).decisions(lambda: app.router))
    host, port = await deciding.listen("127.0.0.1", 0)
    world.stack.push_async_callback(deciding.close, 0)
    url = f"http://{host}:{port}/auth_request"
    about = {"x-original-url": f"{browser.origin}/public/x?code=secret", "x-original-method": "POST"}

    assert (await browser.http.get(url, headers=about | CARRIED)).status_code == 200
    about["x-original-url"] = f"{browser.origin}/none"
    assert (await browser.http.get(url, headers=about)).status_code == 403
    assert (await browser.http.get(url)).status_code == 400

    await sent(world)
    allowed = collector.named("POST /routes/1 ^/public/(.*)$")
    assert (allowed.kind, allowed.trace_id.hex(), allowed.parent_span_id.hex()) == (SERVER, TRACE, SPAN)
    found = attributes(allowed)
    assert (found["http.request.method"], found["url.path"], found["entryway.decision"]) == ("POST", "/public/x", True)
    assert (found["http.response.status_code"], found["entryway.destination"]) == (200, "b")
    assert b"secret" not in collector.raw
    refused = [span for span in collector.spans if span.name == "decision"]
    assert [attributes(span)["entryway.error"] for span in refused] == ["route_not_found", "decision_incomplete"]


async def test_errors_are_marked_by_their_code(world: World, collector: Collector) -> None:
    browser = await world.start(env=settings(collector), destination={"url": "http://127.0.0.1:1"})
    await browser.get("/public/x")
    await browser.get("/none")
    await browser.request("PROPFIND", "/public/x")
    await sent(world)
    asked = collector.named("GET /routes/1 ^/public/(.*)$")
    going = next(span for span in collector.spans if span.parent_span_id == asked.span_id)
    brewed = collector.named("HTTP /routes/1 ^/public/(.*)$")
    assert attributes(brewed)["http.request.method"] == "_OTHER"
    assert attributes(brewed)["http.request.method_original"] == "PROPFIND"
    refused = next(span for span in collector.spans if attributes(span).get("url.path") == "/none")
    assert (asked.status.code, attributes(asked)["error.type"]) == (2, "upstream_unreachable")
    assert (going.status.code, attributes(going)["error.type"]) == (2, "upstream_unreachable")
    assert asked.events == going.events == []
    assert asked.status.message == going.status.message == ""
    assert (refused.status.code, attributes(refused)["entryway.error"]) == (0, "route_not_found")


async def test_what_is_not_sampled_is_not_sent_but_handed_on(world: World, collector: Collector,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    browser = await world.start(env=settings(collector))
    await browser.get("/public/x")
    await browser.get("/public/x", **CARRIED)
    await sent(world)
    first, second = (request.headers.text("traceparent") for request in world.backend.requests)
    assert first is not None
    assert not int(first[-2:], 16) & 1
    assert second is not None
    assert second.startswith(f"00-{TRACE}-")
    assert int(second[-2:], 16) & 1
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}


async def test_without_the_variables_a_trace_passes_unchanged(world: World) -> None:
    browser = await world.start()
    await browser.get("/public/x", **CARRIED)
    reached = world.backend.requests[0].headers
    assert {name: reached.text(name) for name in CARRIED} == CARRIED
    assert world.app is not None
    assert world.app.traces is None


@pytest.mark.parametrize("server", ["engine", "granian"])
async def test_a_process_sends_what_is_left_when_it_ends(tmp_path: Path, collector: Collector, server: str) -> None:
    files(tmp_path, "1")
    environ = settings(collector, ENTRYWAY_SERVER=server, NO_PROXY="*", NODE_ENV="development")
    environ.pop("OTEL_SERVICE_NAME")
    (tmp_path / "default-env.json").write_text(json.dumps({"OTEL_SERVICE_NAME": "from-the-file"}))
    async with process(tmp_path, **environ) as (_, origin, _lines), httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{origin}/a.txt")).status_code == 200
    assert collector.services == {"from-the-file"}
    assert collector.named("GET /routes/0 ^/(.*)$").kind == SERVER


async def test_a_collector_that_is_down_costs_no_request_and_no_end(tmp_path: Path) -> None:
    files(tmp_path, "1")
    down = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    async with process(tmp_path, **down) as (child, origin, _), httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{origin}/a.txt")).status_code == 200
        child.terminate()
        assert await asyncio.wait_for(child.wait(), 10) == 0


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def test_the_standard_variables_switch_traces_on_and_off() -> None:
    assert read_operation(ENDPOINT)[0].traces
    assert read_operation({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"})[0].traces
    for off in ({}, ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}):
        operation, mistakes = read_operation(off)
        assert (operation.traces, mistakes) == (False, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
    ],
)
def test_what_cannot_be_sent_is_named_and_keeps_nothing_from_starting(name: str, value: str) -> None:
    operation, [mistake] = read_operation(ENDPOINT | {name: value})
    assert not operation.traces
    assert (mistake.file, mistake.severity) == (name, "warning")
    assert value in mistake.rule
