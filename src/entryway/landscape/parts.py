"""The processes of a landscape together: started one after the other, ended in reverse order, none left behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from entryway.landscape import watchdog
from entryway.landscape.output import Output
from entryway.landscape.process import Command, Process, StartFailed

POLL_SECONDS = 0.1
QUICK_STOP_SECONDS = 0.5

Probe = Callable[[], Awaitable[bool]]


class Parts:
    """Owns every process; leaving the context ends them all."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._processes: list[Process] = []
        self._watchdog: subprocess.Popen[bytes] | None = None
        self.impatient = asyncio.Event()

    async def __aenter__(self) -> Self:
        # -I -S: a bare interpreter, so that it is small and starts at once.
        self._watchdog = subprocess.Popen(  # noqa: ASYNC220 - it returns at once, and must be there before all others
            [sys.executable, "-I", "-S", str(watchdog.__file__)], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            if not process.ended:
                self._output.say(f"stopping {process.name}")
            await self._stop(process)
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            await asyncio.to_thread(self._watchdog.wait)

    async def start(self, command: Command) -> Process:
        """Start a process, and have it ended whatever happens to this one."""
        process = await Process.start(command, self._output.line)
        self._tell_watchdog("+", process)
        self._processes.append(process)
        return process

    async def ready(self, process: Process, probe: Probe, timeout_seconds: float) -> None:
        """Return when the probe succeeds; raise with its last lines if the process ends or the time is up before."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await probe():
                    # Whichever part it is that ended: this one may be waiting for it.
                    for each in self.ended():
                        raise StartFailed(_with_last_lines(each.epitaph, each))
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            reason = f"{process.name} was not ready after {timeout_seconds:.0f} seconds"
            raise StartFailed(_with_last_lines(reason, process)) from error

    async def watch(self, report: Callable[[Process], None]) -> None:
        """Report every process that ends, until all have."""
        running = {asyncio.ensure_future(process.wait()): process for process in self._processes if not process.ended}
        while running:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                report(running.pop(task))

    def ended(self) -> list[Process]:
        """Return the processes that have ended."""
        return [process for process in self._processes if process.ended]

    async def _stop(self, process: Process) -> None:
        stopping = asyncio.ensure_future(process.stop())
        hurry = asyncio.ensure_future(self.impatient.wait())
        await asyncio.wait({stopping, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not stopping.done():
            stopping.cancel()
            await process.stop(QUICK_STOP_SECONDS)
        self._tell_watchdog("-", process)

    def _tell_watchdog(self, sign: str, process: Process) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.write(f"{sign}{process.group}\n".encode())
            self._watchdog.stdin.flush()


def log_file(folder: Path, name: str) -> Path:
    """Return where the lines of a process are kept besides."""
    return folder / f"{name}.log"


def _with_last_lines(reason: str, process: Process) -> str:
    if not process.tail:
        return f"{reason}; it wrote nothing"
    lines = "\n".join(f"  {line}" for line in process.tail)
    return f"{reason}; its last lines:\n{lines}"
