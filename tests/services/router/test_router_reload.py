"""Reloading: requests and sessions go on, a new configuration counts for what comes next, a broken one for nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from router_neighbours import until

from entryway.http import Headers, Request, Response, Server
from entryway.router.configuration import read_configuration
from entryway.router.reload import Reloader
from entryway.router.rendering import renderer

if TYPE_CHECKING:
    from router_world import World

PUBLIC = {"source": "^/public/(.*)$", "target": "$1", "destination": "b", "authenticationType": "none"}
PRIVATE = {"source": "^/private/(.*)$", "destination": "b"}


def rewrite(folder: Path, **root: Any) -> None:
    (folder / "xs-app.json").write_text(json.dumps(root))


def reloader_of(world: World) -> Reloader:
    assert world.app is not None
    assert world.server is not None
    environ = {"destinations": json.dumps([{"name": "b", "url": world.backend.url, "forwardAuthToken": True}])}
    server = world.server

    async def install(application: Any) -> None:
        world.app = application
        await server.replace(application.router, application.limits, renderer(application))

    reloader = Reloader(read_configuration(world.folder, environ), environ, world.app, install)
    world.stack.push_async_callback(reloader.close)
    return reloader


async def test_new_requests_meet_the_new_routes_and_the_session_goes_on(world: World):
    browser = await world.start(PRIVATE, PUBLIC)
    await browser.log_in()
    token = await browser.csrf_token()
    reloader = reloader_of(world)
    rewrite(world.folder, routes=[PRIVATE | {"source": "^/new/(.*)$"}])

    assert await reloader.reload("test")

    assert (await browser.get("/private/x")).status_code == 404
    assert (await browser.get("/new/x")).status_code == 200
    assert (await browser.request("POST", "/new/x", x_csrf_token=token)).status_code == 200


async def test_a_login_that_has_begun_ends_well_and_only_once(world: World):
    browser = await world.start(PRIVATE, PUBLIC)
    url = await browser.begin_login()
    reloader = reloader_of(world)

    assert await reloader.reload("test")
    answer = await browser.come_back(url)

    assert answer.status_code == 302


async def test_a_broken_file_changes_nothing(world: World):
    browser = await world.start(PRIVATE, PUBLIC)
    await browser.log_in()
    reloader = reloader_of(world)
    rewrite(world.folder, routes=[{"source": "^/(", "destination": "b"}])

    assert not await reloader.reload("test")
    assert (await browser.get("/private/x")).status_code == 200

    (world.folder / "xs-app.json").write_text('{"routes": [')
    assert not await reloader.reload("test")
    assert (await browser.get("/private/x")).status_code == 200


async def test_what_is_in_flight_ends_on_the_configuration_that_it_began_with(world: World):
    go_on, arrived = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        arrived.set()
        await go_on.wait()
        return Response(200, Headers(), b"late but whole")

    backend = Server(slow)
    host, port = await backend.listen("127.0.0.1", 0)
    world.stack.push_async_callback(backend.close, 0)
    browser = await world.start(PUBLIC, destination={"url": f"http://{host}:{port}"})
    reloader = reloader_of(world)
    former = world.app
    assert former is not None
    asking = asyncio.create_task(browser.get("/public/x"))
    await arrived.wait()
    rewrite(world.folder, routes=[{"source": "^/none$", "destination": "b"}])

    assert await reloader.reload("test")
    assert (await (await world.browser()).get("/public/x")).status_code == 404
    assert not asking.done()
    assert not former.client._closed
    go_on.set()

    answer = await asking
    assert (answer.status_code, answer.text) == (200, "late but whole")
    await until(lambda: former.client._closed)


@asynccontextmanager
async def process(
    folder: Path, port: int | None = None, **env: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, list[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = port or probe.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entryway.router", "-w", str(folder), env=kept | env | {"PORT": str(port)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    lines: list[str] = []

    async def read() -> None:
        assert child.stderr is not None
        async for line in child.stderr:
            lines.append(line.decode())  # noqa: PERF401 - it is read while it grows
        lines.append("ended router_listening")  # so that nobody waits for what can no longer come

    reading = asyncio.create_task(read())
    try:
        await said(lines, "router_listening")
        assert child.returncode is None, lines
        assert "ended" not in lines[-1], lines
        yield child, f"http://127.0.0.1:{port}", lines
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(child.wait(), 15)
        await reading


async def said(lines: list[str], word: str, times: int = 1) -> None:
    async with asyncio.timeout(20):
        while sum(word in line for line in lines) < times:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.02)


async def header(origin: str, name: str) -> str | None:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{origin}/a.txt")).headers.get(name)


def files(folder: Path, header: str) -> None:
    (folder / "resources").mkdir(exist_ok=True)
    (folder / "resources" / "a.txt").write_text("A")
    rewrite(folder, authenticationMethod="none", responseHeaders=[{"name": "x-version", "value": header}])


async def test_sighup_reloads_and_no_request_is_lost_meanwhile(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path) as (child, origin, lines):
        versions: list[str] = []

        async def keep_asking() -> None:
            async with httpx.AsyncClient(trust_env=False) as http:
                while versions[-1:] != ["4"]:
                    answer = await http.get(f"{origin}/a.txt")
                    assert answer.status_code == 200
                    versions.append(answer.headers["x-version"])

        askers = [asyncio.create_task(keep_asking()) for _ in range(4)]
        await until(lambda: versions)
        for number in ("2", "3", "4"):
            files(tmp_path, number)
            child.send_signal(signal.SIGHUP)
            await said(lines, "configuration_reloaded", int(number) - 1)
        await asyncio.gather(*askers)
        assert {"1", "4"} <= set(versions)

        (tmp_path / "xs-app.json").write_text('{"foo": 1}')
        child.send_signal(signal.SIGHUP)
        await said(lines, "configuration_refused")
        assert any("xs-app.json/foo: Additional properties not allowed" in line for line in lines)
        assert await header(origin, "x-version") == "4"
        assert not any("Traceback" in line for line in lines)


async def test_what_changed_while_the_router_was_starting_counts(world: World):
    browser = await world.start(PUBLIC)
    reloader = reloader_of(world)
    rewrite(world.folder, routes=[PUBLIC | {"source": "^/late/(.*)$"}])

    reloader.watch()
    former = world.app
    await until(lambda: world.app is not former)

    assert (await browser.get("/late/x")).status_code == 200


async def test_in_development_a_changed_file_is_enough(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path, NODE_ENV="development") as (_, origin, lines):
        (tmp_path / "default-env.json").write_text(json.dumps({"httpHeaders": [{"x-also": "2"}]}))
        await said(lines, "configuration_reloaded")
        assert await header(origin, "x-also") == "2"


async def test_elsewhere_files_are_not_watched(tmp_path: Path):
    files(tmp_path, "1")
    async with process(tmp_path) as (child, origin, lines):
        files(tmp_path, "2")
        await asyncio.sleep(1.2)  # longer than the watcher would need
        assert await header(origin, "x-version") == "1"
        assert child.returncode is None
        assert not any("configuration_reloaded" in line for line in lines)


async def test_a_setting_that_counts_only_at_start_is_named(tmp_path: Path):
    files(tmp_path, "1")
    (tmp_path / "default-env.json").write_text(json.dumps({"HTTP2_SUPPORT": "false"}))
    async with process(tmp_path) as (child, _, lines):
        (tmp_path / "default-env.json").write_text(json.dumps({"HTTP2_SUPPORT": "true"}))
        child.send_signal(signal.SIGHUP)
        await said(lines, "restart_needed")
        assert any("HTTP2_SUPPORT" in line for line in lines)
