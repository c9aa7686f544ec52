"""The router as an ASGI application, for Granian, uvicorn, and whatever mounts or wraps ASGI.

The same `Router` answers, so the same rules hold. What the server in front does is its own: time-outs and limits of
clients, TLS, HTTP/2, the framing of web sockets.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from entryway.config.mistakes import ConfigurationMistakes
from entryway.http import Request, Response
from entryway.http.asgi import AsgiApplication
from entryway.http.asgi_request import Event, Receive, Scope, Send
from entryway.router.application import Application
from entryway.router.build import NO_HOOKS, build
from entryway.router.configuration import RouterConfiguration, line_of, read_configuration
from entryway.router.hooks import Hooks
from entryway.router.meters import Meters
from entryway.router.refused_start import tell_mistakes
from entryway.router.reload import Reloader
from entryway.router.rendering import renderer
from entryway.telemetry import get_logger

log = get_logger("router")


class RouterApplication:
    """One router; it is built when the server starts it, in the event loop that serves it."""

    def __init__(
        self, configuration: RouterConfiguration, environ: Mapping[str, str], hooks: Hooks, meters: Meters | None = None
    ) -> None:
        self.reloader: Reloader | None = None
        self._configuration = configuration
        self._environ = environ
        self._hooks = hooks
        self._meters = meters
        self._serving: Serving | None = None
        self._lifespan = AsgiApplication(_no_request, lifespan=self.lifespan)

    @property
    def application(self) -> Application:
        """What serves now."""
        return self._running().application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        await self._running().serve(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _mounted_in: object = None) -> AsyncIterator[None]:
        """Run the router: an application that mounts it enters this, for servers start only what they serve."""
        configuration = self._configuration
        with _mistakes_told():
            application = build(configuration, hooks=self._hooks, meters=self._meters)
        self._serving = Serving(application)
        self.reloader = Reloader(configuration, self._environ, application, self._install)
        application.start(load_tokens=not configuration.environment.skip_startup_tokens)
        if configuration.development:
            self.reloader.watch()
        try:
            yield
        finally:
            await self.reloader.close()

    async def _install(self, application: Application) -> None:
        former, self._serving = self._running(), Serving(application)
        await former.finished()

    def _running(self) -> Serving:
        if self._serving is None:
            raise RuntimeError("the router has not been started: by the server's lifespan events, or by its `lifespan`")
        return self._serving


class Serving:
    """One application and how many requests it has not finished; an open web socket needs it no more."""

    def __init__(self, application: Application, *, keeps_time: bool = True) -> None:
        self.application = application
        limits = application.limits
        if not keeps_time:  # the server does
            limits = replace(limits, request_timeout=None, inactivity_timeout=None)
        self._asgi = AsgiApplication(application.router, on_error=renderer(application), limits=limits)
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._busy += 1
        self._idle.clear()
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        try:
            await self._asgi(scope, receive, send)
        finally:
            self._one_less()

    async def finished(self) -> None:
        await self._idle.wait()

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        asking = True

        async def answer(event: Event) -> None:
            nonlocal asking
            if asking:
                asking = False
                self._one_less()
            await send(event)

        try:
            await self._asgi(scope, receive, answer)
        finally:
            if asking:
                self._one_less()

    def _one_less(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()


@contextmanager
def _mistakes_told() -> Iterator[None]:
    try:
        yield
    except ConfigurationMistakes as found:
        tell_mistakes(found.mistakes)  # servers show an error in their own ways
        raise


async def _no_request(_: Request) -> Response:
    raise RuntimeError("this one has the lifespan alone")


def create_app(
    workdir: Path | str = ".", environ: Mapping[str, str] | None = None, hooks: Hooks = NO_HOOKS
) -> RouterApplication:
    """Return the router of a folder as an ASGI application; raise ConfigurationMistakes if it cannot be one."""
    environ = os.environ if environ is None else environ
    with _mistakes_told():
        configuration = read_configuration(Path(workdir), environ)
    for warning in configuration.warnings:
        log.warning("configuration_warning", reason=line_of(warning))
    return RouterApplication(configuration, environ, hooks)
