"""Routers that are parts of another application, each under a path of its own, in one process."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from router_world import Browser
from websockets import ConnectionClosed
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from entryway.config.mistakes import ConfigurationMistakes
from entryway.http import Server
from entryway.http.asgi_host import AsgiHost
from entryway.router.api import RouterApplication, create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from router_world import World

PUBLIC = {"source": "^/public/(.*)$", "target": "$1", "destination": "b", "authenticationType": "none"}


def written(world: World, name: str, backend: str, **env: str) -> RouterApplication:
    """Write a folder with a router that names itself in its answers, and return it."""
    folder: Path = world.folder / name
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "start.html").write_text(f"this is {name}")
    document = {
        "welcomeFile": "/start.html",
        "websockets": {"enabled": True},
        "responseHeaders": [{"name": "x-who", "value": name}],
        "routes": [PUBLIC, {"source": "^/private/", "destination": "b"}, {"source": "^/(.*)$", "localDir": "web"}],
        "logout": {"logoutEndpoint": "/do/logout", "logoutPage": f"/{name}/start.html"},
    }
    (folder / "xs-app.json").write_text(json.dumps(document))
    (folder / "default-services.json").write_text(json.dumps({"uaa": world.uaa.credentials()}))
    environ = {"destinations": json.dumps([{"name": "b", "url": backend, "forwardAuthToken": True}])} | env
    return create_app(folder, environ)


@asynccontextmanager
async def application(**routers: RouterApplication) -> AsyncIterator[str]:
    """Serve an application that has these mounted, and return its address."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for router in routers.values():
                await stack.enter_async_context(router.lifespan())
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> str:
        return "well"

    for name, router in routers.items():
        app.mount(f"/{name}", router)
    async with app.router.lifespan_context(app):
        host = AsgiHost(app)
        server = Server(host)
        host.server = await server.listen("127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{host.server[1]}"
        finally:
            await server.close(0)
            await host.close()


async def test_each_router_has_its_own_part_of_the_application(world: World) -> None:
    shop, desk = (written(world, name, world.backend.url) for name in ("shop", "front desk"))
    async with application(shop=shop, **{"front desk": desk}) as origin:
        browser = Browser((await world.browser()).http, origin)
        for path, name in (("/shop", "shop"), ("/front%20desk", "front desk")):
            answered = await browser.get(f"{path}/public/a%20b?c=d")
            assert (answered.status_code, answered.headers["x-who"]) == (200, name)
            asked = world.backend.requests[-1]
            assert (asked.target, asked.headers.text("x-forwarded-path")) == ("/a%20b?c=d", f"{path}/public/a%20b")
            assert (await browser.get(f"{path}/")).headers["location"] == f"{path}/start.html"
        assert (await browser.get("/health")).json() == "well"
        assert (await browser.get("/shopping/public/x")).status_code == 404
        assert (await browser.get("/shop/%2e%2e/health")).status_code == 400


@pytest.mark.parametrize("trusted", [{}, {"TRUSTED_PROXIES": ""}])
async def test_a_login_comes_back_to_where_the_router_is(world: World, trusted: dict[str, str]) -> None:
    async with application(shop=written(world, "shop", world.backend.url, **trusted)) as origin:
        browser = Browser((await world.browser()).http, origin)
        url = await browser.begin_login("/shop/private/x")
        assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{origin}/shop/login/callback"]
        back = await browser.come_back(url)
        assert (back.status_code, back.headers["location"]) == (302, "/shop/private/x")
        assert (await browser.get("/shop/private/x")).status_code == 200
        assert (
            world.backend.requests[-1]
            .headers.text(
                "authorization",
            )
            .startswith("Bearer ")
        )
        left = await browser.get("/shop/do/logout")
        assert parse_qs(urlsplit(left.headers["location"]).query)["redirect"] == [f"{origin}/shop/start.html"]


async def test_web_sockets_cross_a_mount(world: World) -> None:
    async def speak(socket: ServerConnection) -> None:
        await socket.send(socket.request.path)
        await socket.close(4001, "enough")

    async with serve(speak, "127.0.0.1", 0) as backend:
        url = f"ws://127.0.0.1:{backend.sockets[0].getsockname()[1]}"
        async with application(shop=written(world, "shop", url)) as origin:
            address = f"{origin.replace('http:', 'ws:')}/shop/public/x"
            async with connect(address, origin=origin, proxy=None) as socket:
                assert await socket.recv() == "/x"
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
                assert (socket.close_code, socket.close_reason) == (4001, "enough")


async def test_a_router_that_cannot_run_says_why(world: World) -> None:
    with pytest.raises(ConfigurationMistakes):
        create_app(world.folder / "nowhere", {})
    shop = written(world, "shop", world.backend.url)
    store = {"instanceName": "x", "storageType": "redis", "sessionSecret": "s" * 64}
    with pytest.raises(ConfigurationMistakes, match="EXT_SESSION_MGT"):
        create_app(world.folder / "shop", {"EXT_SESSION_MGT": json.dumps(store)})
    with pytest.raises(RuntimeError, match="has not been started"):
        await shop({"type": "http"}, None, None)
