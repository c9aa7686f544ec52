"""Instances of xsuaa are worked on after the answer; a gate before the authorization server decides when it is done."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import anyio.to_thread
import httpx
import pytest
from broker_platform import INSTANCE, Platform
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entryway.broker.build import build
from entryway.storage import Database, audit
from entryway.testing.control_plane import ControlPlane
from entryway.testing.databases import contents
from entryway.testing.serving import served

PATH = f"/v2/service_instances/{INSTANCE}"
ASYNC = {"accepts_incomplete": "true"}
XS_SECURITY = {"xsappname": "slowly", "scopes": [{"name": "$XSAPPNAME.Display"}]}


@dataclass
class Gate:
    """Passes requests on to the authorization server; changes of applications only while it is open."""

    services: ControlPlane
    url: str = ""
    open: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def build(self, url: str) -> Starlette:
        del url
        return Starlette(routes=[Route("/{path:path}", self.relay, methods=["GET", "PUT", "POST", "DELETE"])])

    async def relay(self, request: Request) -> Response:
        if request.url.path.startswith("/entryway/v1/applications/"):
            self.reached.set()
            await anyio.to_thread.run_sync(partial(self.open.wait, 20))
        kept = {name: request.headers[name] for name in ("authorization", "content-type") if name in request.headers}
        async with httpx.AsyncClient(verify=self.services.tls, trust_env=False) as http:
            url = f"{self.services.uaa_url}{request.url.path}"
            answer = await http.request(request.method, url, content=await request.body(), headers=kept)
        return Response(answer.content, answer.status_code, {"content-type": answer.headers.get("content-type", "")})


@pytest.fixture
def gate(services):
    gate = Gate(services)
    with served(gate.build, services.authority) as url:
        gate.url = url
        yield gate
        gate.open.set()


@pytest.fixture
def broker(services, plane):
    """Serve another broker on the same database, whose authorization server is elsewhere."""

    @contextmanager
    def started(uaa_url: str):
        settings = replace(services.broker_settings, uaa_url=uaa_url)
        with (
            served(lambda url: build(replace(settings, public_url=url)), services.authority) as url,
            httpx.Client(verify=services.tls, trust_env=False, timeout=20) as http,
        ):
            yield Platform(services, http, url)

    return started


@pytest.fixture
def slow(broker, gate):
    with broker(gate.url) as platform:
        yield platform
        gate.open.set()


def create(platform: Platform, parameters: dict | None = None, **query: str) -> httpx.Response:
    body = platform.ids("xsuaa") | {"parameters": XS_SECURITY if parameters is None else parameters}
    return platform.send("PUT", PATH, json=body, params=ASYNC | query)


def state(platform: Platform, operation: str | None = None) -> httpx.Response:
    query = platform.ids("xsuaa") | ({"operation": operation} if operation else {})
    return platform.send("GET", f"{PATH}/last_operation", params=query)


def outcome(platform: Platform, operation: str) -> httpx.Response:
    for _ in range(400):
        answer = state(platform, operation)
        if answer.status_code != 200 or answer.json()["state"] != "in progress":
            return answer
        time.sleep(0.02)
    raise AssertionError("the operation does not end")


def trail(services: ControlPlane) -> list[dict]:
    """What the authorization server tells of instances and bindings."""

    async def read() -> list[dict]:
        database = Database(services.database("authserver"))
        try:
            found = await audit.entries(database, limit=10_000)
        finally:
            await database.close()
        return [dict(entry) for entry in found if entry["object_type"].startswith("service-")]

    return asyncio.run(read())


def test_it_is_created_updated_and_deleted_after_the_answers(slow: Platform, gate: Gate):
    answer = create(slow)
    assert answer.status_code == 202
    operation = answer.json()["operation"]
    assert state(slow, operation).json() == {"state": "in progress"}
    assert slow.send("GET", PATH).status_code == 404
    gate.open.set()
    assert outcome(slow, operation).json() == {"state": "succeeded"}
    assert slow.bind("xsuaa").json()["credentials"]["xsappname"] == "slowly!t1"

    gate.open.clear()
    more = XS_SECURITY | {"description": "more"}
    answer = slow.send("PATCH", PATH, json=slow.ids("xsuaa") | {"parameters": more}, params=ASYNC)
    assert answer.status_code == 202
    assert slow.send("GET", PATH).json()["error"] == "ConcurrencyError"
    gate.open.set()
    assert outcome(slow, answer.json()["operation"]).json() == {"state": "succeeded"}
    assert slow.send("GET", PATH).json()["parameters"] == more

    gate.open.clear()
    answer = slow.send("DELETE", PATH, params=slow.ids("xsuaa") | ASYNC)
    assert answer.status_code == 202
    assert state(slow, answer.json()["operation"]).json() == {"state": "in progress"}
    gate.open.set()
    assert outcome(slow, answer.json()["operation"]).status_code == 410
    assert state(slow).status_code == 404


def test_nothing_else_happens_to_it_meanwhile(slow: Platform, gate: Gate):
    operation = create(slow).json()["operation"]
    for answer in (
        create(slow),
        slow.provision("xsuaa", XS_SECURITY),
        slow.send("PATCH", PATH, json=slow.ids("xsuaa") | {"parameters": {}}),
        slow.deprovision("xsuaa"),
        slow.bind("xsuaa"),
        slow.unbind("xsuaa"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (422, "ConcurrencyError")
    gate.open.set()
    assert outcome(slow, operation).json()["state"] == "succeeded"


def test_a_failure_has_the_description_of_the_answer_without_waiting(plane: Platform):
    plane.provision("xsuaa", XS_SECURITY)
    other = {"parameters": XS_SECURITY | {"xsappname": "other"}}
    at_once = plane.send("PATCH", PATH, json=plane.ids("xsuaa") | other)
    assert at_once.status_code == 400
    answer = plane.send("PATCH", PATH, json=plane.ids("xsuaa") | other, params=ASYNC)
    assert answer.status_code == 202
    ended = outcome(plane, answer.json()["operation"]).json()
    assert ended == {"state": "failed", "description": at_once.json()["description"]}
    assert plane.send("GET", PATH).json()["parameters"] == XS_SECURITY
    # What is done next is what counts.
    assert plane.send("PATCH", PATH, json=plane.ids("xsuaa") | {"parameters": XS_SECURITY}).status_code == 200
    assert state(plane).json() == {"state": "succeeded"}


def test_a_creation_that_failed_is_forgotten_when_it_is_deleted(plane: Platform):
    plane.provision("xsuaa", XS_SECURITY, "other-instance")
    operation = create(plane).json()["operation"]
    ended = outcome(plane, operation).json()
    assert ended["state"] == "failed"
    assert "slowly!t1" in ended["description"]
    assert plane.deprovision("xsuaa").status_code == 410
    assert state(plane).status_code == 404


def test_a_wrong_descriptor_is_refused_at_once(plane: Platform):
    answer = create(plane, {"xsappname": "what is this?"})
    assert answer.status_code == 400
    assert "xsappname" in answer.json()["description"]
    assert state(plane).status_code == 404


@pytest.mark.parametrize("value", ["false", False])
def test_a_descriptor_may_want_it_at_once(plane: Platform, value):
    wanted = XS_SECURITY | {"xsenableasyncservice": value}
    assert create(plane, wanted).status_code == 201
    assert create(plane, wanted).status_code == 200
    assert plane.send("DELETE", PATH, params=plane.ids("xsuaa") | ASYNC).status_code == 200


def test_only_those_who_can_wait_are_let_wait(plane: Platform):
    assert create(plane, accepts_incomplete="false").status_code == 201
    assert create(plane).status_code == 200
    assert create(plane, XS_SECURITY | {"description": "more"}).status_code == 409


def test_other_services_are_done_at_once(plane: Platform):
    body = plane.ids("connectivity") | {"parameters": {}}
    assert plane.send("PUT", PATH, json=body, params=ASYNC).status_code == 201


def test_another_operation_or_plan_is_not_this_one(slow: Platform, gate: Gate):
    operation = create(slow).json()["operation"]
    assert state(slow, "other").status_code == 400
    wrong = slow.ids("destination") | {"operation": operation}
    assert slow.send("GET", f"{PATH}/last_operation", params=wrong).status_code == 400
    gate.open.set()
    assert outcome(slow, operation).json()["state"] == "succeeded"


def test_a_broker_that_was_stopped_goes_on_when_it_starts(services, broker, gate: Gate):
    with broker(gate.url) as first:
        operation = create(first, XS_SECURITY | {"description": "not in the clear"}).json()["operation"]
        assert gate.reached.wait(20)
    assert b"not in the clear" not in contents(services.database("broker"))
    with broker(services.uaa_url) as second:
        assert outcome(second, operation).json() == {"state": "succeeded"}
        assert second.send("GET", PATH).status_code == 200


def test_instances_and_bindings_are_on_the_audit_trail(services, plane: Platform):
    before = trail(services)
    plane.provision("xsuaa", XS_SECURITY)
    plane.provision("xsuaa", XS_SECURITY)
    secret = plane.bind("xsuaa").json()["credentials"]["clientsecret"]
    plane.bind("xsuaa")
    changed = {"parameters": XS_SECURITY | {"description": "more"}}
    plane.send("PATCH", PATH, json=plane.ids("xsuaa") | changed)
    plane.send("PATCH", PATH, json=plane.ids("xsuaa") | changed)
    plane.unbind("xsuaa")
    plane.deprovision("xsuaa")

    entries = trail(services)[len(before) :]

    assert [(entry["object_type"], entry["event"]) for entry in entries] == [
        ("service-instance", "CREATE"),
        ("service-binding", "CREATE"),
        ("service-instance", "UPDATE"),
        ("service-binding", "DELETE"),
        ("service-instance", "DELETE"),
    ]
    assert {entry["actor"] for entry in entries} == {"entryway-platform"}
    details = entries[2]["details"]
    assert details["old"]["descriptor"] == XS_SECURITY
    assert details["new"]["descriptor"]["description"] == "more"
    assert secret not in json.dumps([entry["details"] for entry in entries])
