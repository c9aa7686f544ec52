"""Runs a router until it is told to stop: reads the configuration, listens, drains."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.operation import ADMIN_PORT
from entryway.http import Client, Server
from entryway.http.admin_port import Readiness
from entryway.router.admin import admin_answers
from entryway.router.application import Application
from entryway.router.build import NO_HOOKS, build
from entryway.router.build_traces import kinds_for
from entryway.router.configuration import RouterConfiguration, line_of, read_configuration
from entryway.router.fronts import Front, check_free, new_front
from entryway.router.hooks import Hooks
from entryway.router.meters import Meters
from entryway.router.refused_start import tell_mistakes
from entryway.router.reload import Reloader
from entryway.router.sessions import SessionStore
from entryway.router.workers import Supervisor
from entryway.telemetry import get_logger, set_level
from entryway.tunnel.sockets import allow_many_connections

if TYPE_CHECKING:
    from entryway.router.fronts import Around

log = get_logger("router")

WRONG_CONFIGURATION = 1
"""What a router of this kind exits with, as its users' scripts expect."""
CANNOT_LISTEN = 1
GRACE_SECONDS = 10.0
ALONE_SECONDS = 1.0
LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"


def run(
    workdir: Path, environ: Mapping[str, str] = os.environ, hooks: Hooks = NO_HOOKS, around: Around | None = None
) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code; `around` wraps the router's ASGI application."""
    try:
        configuration = read_configuration(workdir, environ)
    except ConfigurationMistakes as found:
        return _refuse(found.mistakes)
    for warning in configuration.warnings:
        print(f"warning: {line_of(warning)}", file=sys.stderr)  # noqa: T201 - for the person who starts it
    if configuration.environment.log_level is not None:
        set_level(configuration.environment.log_level)
    allow_many_connections()
    workers = configuration.operation.workers
    if workers == 1:
        return uvloop.run(_serve(configuration, environ, hooks, around=around))
    host, port = listening_host(configuration), configuration.environment.port
    try:
        check_free(host, port)  # workers share the port with anybody who would share it
    except OSError as error:
        return _cannot_listen(port, "PORT", error)
    supervisor = os.getpid()

    def serve(index: int) -> int:
        current = read_again(configuration, environ)
        return uvloop.run(_serve(current, environ, hooks, Worker(index, supervisor), around))

    return Supervisor(workers, serve).run()


def _refuse(mistakes: Sequence[Mistake]) -> int:
    tell_mistakes(mistakes)
    return WRONG_CONFIGURATION


def read_again(configuration: RouterConfiguration, environ: Mapping[str, str]) -> RouterConfiguration:
    """Return what a new worker begins with: what its siblings have reloaded, on the port that they share."""
    try:
        fresh = read_configuration(configuration.workdir, environ)
    except ConfigurationMistakes as found:
        log.error("configuration_refused", cause="new worker", mistakes=[line_of(each) for each in found.mistakes])  # noqa: TRY400
        return configuration
    environment = replace(fresh.environment, port=configuration.environment.port)
    return replace(fresh, environment=environment, operation=configuration.operation)


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several workers."""

    index: int
    supervisor: int
    """The process that looks after it."""


async def _serve(
    configuration: RouterConfiguration,
    environ: Mapping[str, str],
    hooks: Hooks,
    worker: Worker | None = None,
    around: Around | None = None,
) -> int:
    operation, readiness = configuration.operation, Readiness()
    meters = None if operation.admin_port is None else Meters()
    try:
        application = build(configuration, meters=meters, hooks=hooks)
    except ConfigurationMistakes as found:
        return _refuse(found.mistakes)
    front = new_front(application, operation, around, share_port=worker is not None)
    host, port = listening_host(configuration), configuration.environment.port
    deciding: Server | None = None
    admin: Server | None = None
    decision_port = configuration.environment.decision_port
    listens = await _listen(lambda: front.listen(host, port, operation.certificate), port, "PORT")
    if listens and decision_port is not None:
        decisions = kinds_for(application.traces).decisions(lambda: reloader.application.router)
        deciding = Server(decisions, application.limits)
        decision_host = configuration.environ.get("ENTRYWAY_DECISION_HOST") or LOCAL
        at = partial(deciding.listen, decision_host, decision_port, reuse_port=worker is not None)
        listens = await _listen(at, decision_port, "ENTRYWAY_DECISION_PORT")
    if listens and operation.admin_port is not None and meters is not None:
        admin = Server(
            admin_answers(
                readiness, meters, lambda: _parts(front, reloader.application), lambda: _logins(reloader.application)
            )
        )
        # Every worker counts for itself, so every one has an admin port: the first, and those that follow it.
        admin_port = operation.admin_port + (0 if worker is None else worker.index)
        at = partial(admin.listen, operation.admin_host, admin_port)
        listens = await _listen(at, admin_port, ADMIN_PORT)
    if not listens:
        await front.close(0)
        await application.close()
        return CANNOT_LISTEN
    application.start(load_tokens=not configuration.environment.skip_startup_tokens)
    log.info("router_listening", host=host, port=port, routes=len(application.router.routes.routes))
    reloader = Reloader(configuration, environ, application, front.install)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.request, "SIGHUP")
    if configuration.development:
        reloader.watch()
    readiness.ready = True
    await _told_to_stop(worker)
    readiness.ready = False
    log.info("router_stopping")
    await front.close(GRACE_SECONDS)
    if deciding is not None:
        await deciding.close(GRACE_SECONDS)
    if admin is not None:
        await admin.close(0)
    await reloader.close()
    return 0


async def _listen(listen: Callable[[], Awaitable[object]], port: int, variable: str) -> bool:
    try:
        await listen()
    except OSError as error:
        _cannot_listen(port, variable, error)
        return False
    return True


def _cannot_listen(port: int, variable: str, error: OSError) -> int:
    reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
    print(f"port {port} {reason}; set {variable} to another one", file=sys.stderr)  # noqa: T201 - see above
    return CANNOT_LISTEN


async def _logins(application: Application) -> Mapping[str, bool]:
    return {} if application.logins is None else await application.logins.look()


def _parts(front: Front, application: Application) -> tuple[int | None, Client, SessionStore]:
    return front.connections, application.client, application.sessions


def listening_host(configuration: RouterConfiguration) -> str:
    """Return where to listen: on a developer's machine for that machine only, on a platform for its front end."""
    environ = configuration.environ
    if chosen := environ.get("ENTRYWAY_ROUTER_HOST"):
        return chosen
    on_platform = "VCAP_APPLICATION" in environ or "KUBERNETES_SERVICE_HOST" in environ
    return EVERYWHERE if on_platform else LOCAL


async def _told_to_stop(worker: Worker | None) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if worker is not None:
        watching = loop.create_task(_until_alone(worker.supervisor, stopped))
        await stopped.wait()
        watching.cancel()
        return
    await stopped.wait()


async def _until_alone(supervisor: int, stopped: asyncio.Event) -> None:
    while os.getppid() == supervisor:  # noqa: ASYNC110 - nobody tells a process that its parent has died
        await asyncio.sleep(ALONE_SECONDS)
    log.error("supervisor_gone")
    stopped.set()
