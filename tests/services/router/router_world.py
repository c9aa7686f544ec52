"""A router on a real port, between a browser that keeps cookies, a login server and a backend that records."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
from router_neighbours import PAGE, LoginServer, running_login_server

from entryway.config.operation import Operation
from entryway.http import Server
from entryway.router.access_log import AccessLog
from entryway.router.application import Application
from entryway.router.build import NO_HOOKS, build
from entryway.router.configuration import read_configuration
from entryway.router.fronts import new_front
from entryway.router.hooks import Hooks
from entryway.router.rendering import renderer
from entryway.testing.upstream import RecordingUpstream, recording_upstream

if TYPE_CHECKING:
    from entryway.router.fronts import Around


class Clock:
    """Wall-clock time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Browser:
    """Follows the login by hand, so that a test can step in; httpx keeps the cookies."""

    http: httpx.AsyncClient
    origin: str

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.request("GET", path, **headers)

    async def page(self, path: str) -> httpx.Response:
        return await self.request("GET", path, **PAGE)

    async def request(self, method: str, path: str, content: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, f"{self.origin}{path}", headers=named, content=content)

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.http.cookies.jar if cookie.name == name), None)

    def set_cookie(self, name: str, value: str) -> None:
        self.http.cookies.delete(name) if self.cookie(name) is not None else None
        self.http.cookies.set(name, value, domain="127.0.0.1", path="/")

    async def begin_login(self, path: str = "/private/x", **headers: str) -> str:
        """Ask for a protected page, do what its script does, and return the URL of the authorization server."""
        answer = await self.request("GET", path, **(PAGE | headers))
        assert answer.status_code == 200, answer.text
        # The state cookie is Secure, which browsers send to localhost over http as well; httpx does not.
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.set_cookie(name, value)
        signature = re.search(r'signature=([^;"]+);', answer.text)
        assert signature is not None
        self.set_cookie("locationAfterLogin", quote(path, safe=""))
        self.set_cookie("signature", signature[1])
        url = re.search(r'location=("[^"]+")</script>', answer.text)
        assert url is not None
        return str(json.loads(url[1]))

    async def come_back(self, authorize_url: str) -> httpx.Response:
        """Let the authorization server agree, and follow its redirect to the router's callback."""
        agreed = await self.http.get(authorize_url)
        back = urlsplit(agreed.headers["location"])
        return await self.page(f"{back.path}?{back.query}")

    async def log_in(self, path: str = "/private/x") -> httpx.Response:
        answer = await self.come_back(await self.begin_login(path))
        assert answer.status_code == 302, answer.text
        return answer

    async def csrf_token(self, path: str = "/private/x") -> str:
        return str((await self.get(path, x_csrf_token="fetch")).headers["x-csrf-token"])


@dataclass
class World:
    """Everything that one test starts."""

    folder: Path
    stack: AsyncExitStack
    uaa: LoginServer
    backend: RecordingUpstream
    clock: Clock
    log: io.BytesIO = field(default_factory=io.BytesIO)
    origin: str = ""
    app: Application | None = None
    server: Server | None = None
    served_by: str = "engine"
    """What serves the router; by Granian and by the engine as `asgi` it is an ASGI application."""
    around: Around | None = None
    """What is wrapped around the ASGI application."""

    async def start(
        self,
        *routes: dict[str, Any],
        env: dict[str, Any] | None = None,
        bound: bool = True,
        services: dict[str, Any] | None = None,
        destination: dict[str, Any] | None = None,
        service_logouts: dict[str, Any] | None = None,
        hooks: Hooks = NO_HOOKS,
        **root: Any,
    ) -> Browser:
        """Start a router; without routes there is `/private/` and `/public/`, both to the backend."""
        usual = [
            {"source": "^/private/(.*)$", "destination": "b"},
            {"source": "^/public/(.*)$", "target": "$1", "destination": "b", "authenticationType": "none"},
        ]
        xs_app = {"routes": list(routes) or usual, "logout": {"logoutEndpoint": "/do/logout"}} | root
        if service_logouts is not None:
            xs_app["services"] = service_logouts
        (self.folder / "xs-app.json").write_text(json.dumps(xs_app))
        backend = {"name": "b", "url": self.backend.url, "forwardAuthToken": True} | (destination or {})
        variables = {"destinations": [backend]} | (env or {})
        environ = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
        if bound:
            bindings = {"uaa": self.uaa.credentials()} | (services or {})
            (self.folder / "default-services.json").write_text(json.dumps(bindings))
        configuration = read_configuration(self.folder, environ)
        app = self.app = build(configuration, access_log=AccessLog(self.log, self.clock), clock=self.clock, hooks=hooks)
        self.stack.push_async_callback(app.close)
        host, port = await self._listen(app)
        app.start(load_tokens=False)
        self.origin = f"http://{host}:{port}"
        return await self.browser()

    async def _listen(self, app: Application) -> tuple[str, int]:
        if self.served_by != "engine":
            granian = self.served_by == "granian"
            front = new_front(app, Operation(server=self.served_by), self.around)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            await front.listen("127.0.0.1", port, None)
            self.stack.push_async_callback(front.close, 2 if granian else 0)
            return "127.0.0.1", port
        server = self.server = Server(app.router, app.limits, on_error=renderer(app))
        self.stack.push_async_callback(server.close, 0)
        return await server.listen("127.0.0.1", 0)

    async def browser(self) -> Browser:
        """Return another browser."""
        # Without TLS there is no list of authorities to read, which takes 17 ms.
        http = await self.stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=10, verify=False))
        return Browser(http, self.origin)

    @property
    def port(self) -> int:
        return urlsplit(self.origin).port or 0

    def log_lines(self) -> list[dict[str, Any]]:
        assert self.app is not None
        self.app.access_log.flush()
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@asynccontextmanager
async def surroundings(folder: Path) -> AsyncIterator[World]:
    """Run the login server and the backend, for a router that the test starts in the folder."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        uaa = await stack.enter_async_context(running_login_server(clock))
        backend = await stack.enter_async_context(recording_upstream())
        yield World(folder, stack, uaa, backend, clock)
