"""One process of a landscape, in a process group of its own: started, listened to, and ended with all its children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from entryway.errors import EntrywayError
from entryway.landscape.files import PRIVATE_FILE

TAIL_LINES = 20
LONGEST_LINE = 16 * 1024
STOP_GRACE_SECONDS = 10.0
GROUP_POLL_SECONDS = 0.05
GROUP_POLLS = 100
OUTPUT_GRACE_SECONDS = 2.0
CHUNK = 64 * 1024


class StartFailed(EntrywayError):
    """A part did not start; the text ends with the last lines it wrote."""

    code = "start_failed"
    title = "A part did not start"


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where, and with which environment."""

    name: str
    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    log_file: Path


class Process:
    """A running process; `ended` becomes true when it and its output have ended."""

    def __init__(
        self,
        command: Command,
        process: asyncio.subprocess.Process,
        lines: asyncio.StreamReader,
        transport: asyncio.ReadTransport,
        write: Callable[[str, str], None],
    ) -> None:
        self.name = command.name
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._process = process
        self._lines = lines
        self._transport = transport
        self._write = write
        self._log_file = command.log_file
        self._done = asyncio.ensure_future(self._follow())

    @classmethod
    async def start(cls, command: Command, write: Callable[[str, str], None]) -> Process:
        """Start it; every line that it writes goes to `write` with its name, and to its log file."""
        # A pipe of our own: asyncio would take a process for running as long as a child of it holds the output open.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                cwd=command.folder,
                env=dict(command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                # Ctrl-C in the terminal reaches the landscape alone, which ends its parts in order.
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise StartFailed(f"{command.name} cannot be started: {error.strerror}: {error.filename}") from error
        finally:
            os.close(writing)
        lines, transport = await _reader(reading)
        return cls(command, process, lines, transport, write)

    @property
    def group(self) -> int:
        """The process group, which bears the id of its first process."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._done.done()

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    @property
    def epitaph(self) -> str:
        """How it ended, in words."""
        code = self.exit_code
        if code is None:
            return f"{self.name} is running"
        if code < 0:
            return f"{self.name} was ended by {signal.Signals(-code).name}"
        return f"{self.name} exited with {code}"

    async def wait(self) -> None:
        """Return when it has ended."""
        await asyncio.shield(self._done)

    async def stop(self, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """Ask it and its children to end, and kill what is left after the grace."""
        if not self.ended:
            self.signal(signal.SIGTERM)
            await asyncio.wait({self._done}, timeout=grace_seconds)
        if not self.ended:
            self.signal(signal.SIGKILL)
            # Whoever left the group may hold the output open for ever.
            await asyncio.wait({self._done}, timeout=OUTPUT_GRACE_SECONDS)
        self._done.cancel()
        self._transport.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, number)

    async def _follow(self) -> None:
        descriptor = os.open(self._log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8", buffering=1) as log:
            ending = asyncio.ensure_future(self._end_with_first())
            rest = b""
            while chunk := await self._lines.read(CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._line(line, log.write)
            if rest:
                self._line(rest, log.write)
            await ending

    async def _end_with_first(self) -> None:
        """End the children of the first process when it has ended: a part is one, and so is its group."""
        await self._process.wait()
        self.signal(signal.SIGTERM)
        for _ in range(GROUP_POLLS):
            if not self._group_lives():
                return
            await asyncio.sleep(GROUP_POLL_SECONDS)
        self.signal(signal.SIGKILL)

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.group, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _line(self, raw: bytes, log: Callable[[str], object]) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r")
        self.tail.append(text)
        log(text + "\n")
        self._write(self.name, text)


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader, transport
