"""Several workers on one port: the kernel spreads connections, this process keeps the workers alive.

A worker that dies is said loudly and replaced; workers that keep dying end everything, because somebody must look. The
first signal to stop goes to all of them, and each drains by itself. A worker whose supervisor is gone stops too.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from entryway.telemetry import get_logger

log = get_logger("router.workers")

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
MOST_DEATHS, DEATH_SECONDS = 5, 10.0
"""This many deaths within this time are no accident."""
KEEP_DYING = 1


class Supervisor:
    """Starts workers by forking, before any event loop exists; `serve` runs in each, with its number."""

    def __init__(self, count: int, serve: Callable[[int], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._serve = serve
        self._clock = clock
        self._workers: dict[int, int] = {}
        self._deaths: list[float] = []
        self._stopping = False
        self._code = 0

    def run(self) -> int:
        """Keep the workers running until a signal says stop; return the exit code."""
        for number in SIGNALS:
            signal.signal(number, self._pass_on)
        for index in range(self._count):
            self._start(index)
        log.info("workers_started", workers=self._count)
        while self._workers:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                break
            if pid not in self._workers:
                continue
            index = self._workers.pop(pid)
            if not self._stopping:
                self._replace(index, pid, os.waitstatus_to_exitcode(status))
        log.info("workers_ended")
        return self._code

    def _start(self, index: int) -> None:
        # A signal between the fork and the note of it would miss the newcomer.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            os._exit(self._work(index))
        self._workers[pid] = index
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _work(self, index: int) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the worker can reload
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            return self._serve(index)
        except BaseException:
            log.exception("worker_failed", worker=index)
            return 1

    def _replace(self, index: int, pid: int, code: int) -> None:
        log.error("worker_died", worker=index, pid=pid, exit_code=code)
        now = self._clock()
        self._deaths = [at for at in self._deaths if now - at < DEATH_SECONDS] + [now]
        if len(self._deaths) >= MOST_DEATHS:
            log.critical("workers_keep_dying", deaths=len(self._deaths), within_seconds=DEATH_SECONDS)
            self._code = KEEP_DYING
            self._pass_on(signal.SIGTERM, None)
            return
        self._start(index)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if number != signal.SIGHUP:
            self._stopping = True
        for pid in list(self._workers):
            os.kill(pid, number)
