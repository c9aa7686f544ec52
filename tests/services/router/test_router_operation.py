"""Operating the router: what the admin port says, what the access log knows, and what goes on the audit trail."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from router_identity import running_identity_server
from structlog.testing import capture_logs
from test_router_reload import files, process, rewrite, said

from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.operation import read_operation
from entryway.http import Server
from entryway.http.admin_port import Readiness
from entryway.router.access_log import AccessLog
from entryway.router.admin import admin_answers
from entryway.router.meters import Meters
from entryway.telemetry.durations import BOUNDS, Durations

if TYPE_CHECKING:
    from router_world import World


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(url)


def samples(text: str) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    }


async def test_the_admin_port_tells_of_life_readiness_and_requests(tmp_path: Path):
    files(tmp_path, "1")
    admin = f"http://127.0.0.1:{(port := free_port())}"
    async with process(tmp_path, ENTRYWAY_ADMIN_PORT=str(port)) as (_, origin, lines):
        assert (await get(f"{admin}/health")).json() == {"status": "up"}
        assert (await get(f"{admin}/ready")).status_code == 200
        await get(f"{origin}/a.txt")
        await get(f"{origin}/none.txt")
        (tmp_path / "xs-app.json").write_text("{")
        answer = await get(f"{admin}/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        found = samples(answer.text)
        assert found['entryway_requests_total{route="/routes/0 ^/(.*)$",status="2xx"}'] == 1
        assert found['entryway_requests_total{route="/routes/0 ^/(.*)$",status="4xx"}'] == 1
        assert found['entryway_errors_total{code="file_not_found"}'] == 1
        assert found['entryway_router_seconds_bucket{le="+Inf"}'] == 2
        assert found["entryway_ready"] == 1
        assert found["entryway_sessions"] == 0
        assert found["process_resident_memory_bytes"] > 0
        assert (await get(f"{admin}/a.txt")).status_code == 404
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.post(f"{admin}/health")).status_code == 405
        assert not any("Traceback" in line for line in lines)


async def test_without_the_setting_there_is_no_admin_port_and_nothing_is_counted(world: World):
    browser = await world.start()
    assert (await browser.get("/public/x")).status_code == 200
    assert world.app is not None
    assert world.app.router.meters is None


async def test_the_main_port_does_not_answer_what_the_admin_port_does(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path, ENTRYWAY_ADMIN_PORT=str(free_port())) as (_, origin, _):
        assert (await get(f"{origin}/metrics")).status_code == 404


async def test_a_reload_keeps_the_counts(tmp_path: Path):
    files(tmp_path, "1")
    admin = f"http://127.0.0.1:{(port := free_port())}"
    async with process(tmp_path, ENTRYWAY_ADMIN_PORT=str(port), NODE_ENV="development") as (_, origin, lines):
        await get(f"{origin}/a.txt")
        files(tmp_path, "2")
        await said(lines, "configuration_reloaded")
        await get(f"{origin}/a.txt")
        rewrite(tmp_path, foo=1)
        await said(lines, "configuration_refused")
        found = samples((await get(f"{admin}/metrics")).text)
        assert found['entryway_requests_total{route="/routes/0 ^/(.*)$",status="2xx"}'] == 2
        assert found['entryway_reloads_total{outcome="done"}'] == 1
        assert found['entryway_reloads_total{outcome="refused"}'] == 1


async def test_pools_sessions_and_the_time_of_backends_are_counted(world: World):
    browser = await world.start()
    meters, app = Meters(), world.app
    assert app is not None
    assert world.server is not None
    object.__setattr__(app.router, "meters", meters)
    await browser.log_in()
    await browser.get("/private/x")
    readiness = Readiness()
    admin = Server(admin_answers(readiness, meters, lambda: (1, app.client, app.sessions)))
    host, port = await admin.listen("127.0.0.1", 0)
    world.stack.push_async_callback(admin.close, 0)
    found = samples((await get(f"http://{host}:{port}/metrics")).text)
    assert found["entryway_sessions"] == 1
    assert found["entryway_backend_connections"] == 1
    assert found["entryway_backend_connections_idle"] == 1
    assert found["entryway_backend_seconds_count"] == 1
    assert (await get(f"http://{host}:{port}/ready")).status_code == 503
    readiness.ready = True
    assert (await get(f"http://{host}:{port}/ready")).status_code == 200


async def test_readiness_for_logins_is_apart_and_names_what_is_missing(world: World) -> None:
    async with running_identity_server(world.clock) as identity:
        await world.start(services={"identity": identity.credentials()})
        app, readiness = world.app, Readiness(ready=True)
        assert app is not None
        assert app.logins is not None
        admin = Server(admin_answers(readiness, Meters(), lambda: (1, app.client, app.sessions), app.logins.look))
        host, port = await admin.listen("127.0.0.1", 0)
        world.stack.push_async_callback(admin.close, 0)
        asked = f"http://{host}:{port}/ready"
        assert (await get(f"{asked}/logins")).json()["parts"] == {"xsuaa": "down", "identity": "up"}
        assert len(identity.asked("/.well-known/openid-configuration")) == 1
        world.uaa.has_keys = True
        assert (await get(f"{asked}/logins")).status_code == 503  # believed for a moment
        world.clock.now += 3
        answers = await asyncio.gather(*(get(f"{asked}/logins") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(identity.asked("/.well-known/openid-configuration")) == 2
        identity.keys_failure = 500
        world.clock.now += 3
        assert (await get(f"{asked}/logins")).json() == {
            "status": "not ready", "parts": {"xsuaa": "up", "identity": "down"},
        }  # fmt: skip
        assert (await get(asked)).status_code == 200
        readiness.ready = False
        assert (await get(f"{asked}/logins")).status_code == 503


def test_durations_fall_into_the_bucket_that_bounds_them():
    durations = Durations()
    for seconds in (BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1] + 1):
        durations.add(seconds)
    buckets = dict(durations.buckets())
    assert buckets[str(BOUNDS[0])] == 1
    assert buckets[str(BOUNDS[1])] == 2
    assert buckets[str(BOUNDS[-1])] == 2
    assert buckets["+Inf"] == 3


@pytest.mark.parametrize("wrong", ["x", "0", "-1", "70000", "1.5"])
def test_a_wrong_admin_port_is_a_mistake(wrong: str):
    operation, mistakes = read_operation({"ENTRYWAY_ADMIN_PORT": wrong})
    assert operation.admin_port is None
    assert len(mistakes) == 1
    assert ConfigurationMistakes(mistakes)


async def test_an_admin_port_in_use_is_named(tmp_path: Path):
    files(tmp_path, "1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(AssertionError, match=f"port {port} is in use; set ENTRYWAY_ADMIN_PORT to another one"):
            async with process(tmp_path, ENTRYWAY_ADMIN_PORT=port):
                pass


async def test_the_access_log_knows_user_tenant_destination_and_where_the_time_went(world: World):
    browser = await world.start()
    await browser.log_in()
    await browser.get("/private/x?secret=1")
    line = world.log_lines()[-1]
    assert {
        "user": "alex",
        "tenant": "11111111-2222-4333-8444-555555555555",
        "destination": "b",
    }.items() <= line.items()
    assert line["route"].startswith("/routes/0")
    assert line["router_ms"] + line["backend_ms"] + line["token_ms"] == pytest.approx(line["ms"], abs=0.03)
    assert "secret" not in json.dumps(line)


async def test_logins_logouts_and_refusals_are_on_the_audit_trail(world: World):
    with capture_logs() as records:
        browser = await world.start(
            {"source": "^/private/(.*)$", "destination": "b"},
            {"source": "^/admin/(.*)$", "destination": "b", "scope": "$XSAPPNAME.admin"},
            {"source": "^/x/(.*)$", "destination": "b"},
        )
        await browser.log_in()
        await browser.get("/admin/x?token=1")
        await browser.request("POST", "/private/x")
        await (await world.browser()).get("/private/x")
        await browser.get("/do/logout")
    trail = [entry for entry in records if entry["part"] == "audit"]
    assert [(entry["event"], entry["user"], entry.get("why")) for entry in trail] == [
        ("login_completed", "alex", None),
        ("refused", "alex", "insufficient_scope"),
        ("refused", "alex", "csrf_token_required"),
        ("session_ended", "alex", None),
    ]
    assert trail[1]["what"] == "GET /admin/x"
    assert trail[3]["reason"] == "logout"
    assert "Bearer" not in str(records)
    assert "token=1" not in str(records)


async def test_a_login_that_replaces_another_ends_it_on_the_trail(world: World):
    with capture_logs() as records:
        browser = await world.start()
        await browser.log_in()
        assert world.app is not None
        router, kept = world.app.router, f"JSESSIONID={browser.cookie('JSESSIONID')}".encode()
        value = router.session_cookie.value(kept, router.cookies.session_name)
        assert value is not None
        session = await router.sessions.load(value)
        assert session is not None
        assert session.login is not None
        await router.signin.begin_session(session.login, kept)
    trail = [(entry["event"], entry.get("reason")) for entry in records if entry["part"] == "audit"]
    assert trail == [("login_completed", None), ("session_ended", "new_login"), ("login_completed", None)]


async def test_the_context_of_a_trace_reaches_the_backend(world: World):
    browser = await world.start()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await browser.get("/public/x", traceparent=parent, tracestate="vendor=1")
    headers = world.backend.requests[-1].headers
    assert (headers.text("traceparent"), headers.text("tracestate")) == (parent, "vendor=1")


def test_the_log_writes_no_times_of_what_was_not_asked():
    class Out:
        text = b""

        def write(self, data: bytes) -> None:
            self.text += data

        def flush(self) -> None:
            pass

    out = Out()
    log = AccessLog(out, lambda: 0.0)  # type: ignore[arg-type]
    log._timer = object()  # type: ignore[assignment] - nothing flushes by itself
    log.write("GET", "/", 200, 0.001, "r", client="c")
    log._timer = None
    log.flush()
    assert "backend_ms" not in json.loads(out.text)
