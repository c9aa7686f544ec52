"""Reloading: a new configuration takes the place of the old one, and no request notices.

What is in flight ends on the configuration that it began with; what comes next meets the new one. Sessions, and logins
that have begun, belong to neither. A configuration with mistakes changes nothing and is named in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.operation import TRACES_ENDPOINTS
from entryway.router.application import Application
from entryway.router.build import build
from entryway.router.configuration import RouterConfiguration, line_of, read_configuration
from entryway.router.watched_files import stamps_of
from entryway.telemetry import get_logger

log = get_logger("router.reload")

WATCH_SECONDS = 0.5
ONLY_AT_START = (
    "PORT",
    "ENTRYWAY_ROUTER_HOST",
    "ENTRYWAY_ADMIN_PORT",
    "ENTRYWAY_WORKERS",
    "ENTRYWAY_SERVER",
    "HTTP2_SUPPORT",
    *TRACES_ENDPOINTS,
)

Install = Callable[[Application], Awaitable[None]]
"""Lets new requests go to an application, and returns when the former one has answered all of its own."""


class Reloader:
    """Holds the application that serves now."""

    def __init__(
        self, configuration: RouterConfiguration, environ: Mapping[str, str], application: Application, install: Install
    ) -> None:
        self.application = application
        self._configuration = configuration
        self._environ = environ
        self._install = install
        self._one_by_one = asyncio.Lock()
        self._tasks: set[asyncio.Task[object]] = set()

    def request(self, cause: str) -> None:
        """Begin to reload; for signal handlers."""
        self._keep(asyncio.get_running_loop().create_task(self.reload(cause)))

    def watch(self) -> None:
        """Reload whenever one of the files changes."""
        self._keep(asyncio.get_running_loop().create_task(self._watch()))

    async def reload(self, cause: str) -> bool:
        """Read everything again and serve it; tell whether that could be done."""
        async with self._one_by_one:
            try:
                configuration = await asyncio.to_thread(read_configuration, self._configuration.workdir, self._environ)
                fresh = build(configuration, former=self.application)
            except (ConfigurationMistakes, OSError) as error:
                found = error.mistakes if isinstance(error, ConfigurationMistakes) else []
                reasons = [line_of(mistake) for mistake in found] or [str(error)]
                # A mistake in a file has no traceback worth reading.
                log.error("configuration_refused", cause=cause, mistakes=reasons)  # noqa: TRY400
                self._count("refused")
                return False
            for warning in configuration.warnings:
                log.warning("configuration_warning", reason=line_of(warning))
            changed = [name for name in ONLY_AT_START if self._changed(name, configuration)]
            if changed:
                log.warning("restart_needed", settings=changed)
            former, self.application = self.application, fresh
            self._configuration = configuration
            fresh.start(load_tokens=not configuration.environment.skip_startup_tokens)
            self._keep(asyncio.get_running_loop().create_task(self._replace(former, fresh)))
            await asyncio.sleep(0)  # its first step puts the new one in place
            self._count("done")
            log.info("configuration_reloaded", cause=cause, routes=len(fresh.router.routes.routes))
            return True

    async def close(self) -> None:
        """Stop watching, and close what has not been closed yet; requests have ended before."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.application.close()

    def _count(self, outcome: str) -> None:
        if self.application.router.meters is not None:
            self.application.router.meters.reloads[outcome] += 1

    def _changed(self, name: str, configuration: RouterConfiguration) -> bool:
        return self._configuration.environ.get(name) != configuration.environ.get(name)

    async def _replace(self, former: Application, fresh: Application) -> None:
        try:
            await self._install(fresh)
            await former.finish_refreshing()
        finally:
            await former.close_for(self.application)
        log.info("former_configuration_ended")

    async def _watch(self) -> None:
        # From what was read on: files may have changed while the router was starting.
        seen = self._configuration.stamps
        while True:
            now = await asyncio.to_thread(stamps_of, self._configuration.workdir)
            if now != seen:
                seen = now
                await self.reload("a file changed")
            await asyncio.sleep(WATCH_SECONDS)

    def _keep(self, task: asyncio.Task[object]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
