"""Processes and their groups, with real ones."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest

from entryway.landscape.output import Output
from entryway.landscape.parts import Parts
from entryway.landscape.process import Command, Process, StartFailed

Make = Callable[[str], Command]


@pytest.fixture
def python(tmp_path: Path) -> Make:
    def command(code: str) -> Command:
        return Command("part", (sys.executable, "-c", code), tmp_path, os.environ, tmp_path / "part.log")

    return command


@pytest.fixture
def shell(tmp_path: Path) -> Make:
    def command(line: str) -> Command:
        return Command("part", ("/bin/sh", "-c", line), tmp_path, os.environ, tmp_path / "part.log")

    return command


@asynccontextmanager
async def running(command: Command) -> AsyncIterator[tuple[Process, list[str]]]:
    lines: list[str] = []
    process = await Process.start(command, lambda _, text: lines.append(text))
    try:
        yield process, lines
    finally:
        await process.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what another process does is no event here
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_what_it_writes_is_heard_kept_and_logged(python: Make, tmp_path: Path):
    async with running(python("print('one'); import sys; print('two', file=sys.stderr); print('end', end='')")) as (
        process,
        lines,
    ):
        await process.wait()

    assert sorted(lines) == ["end", "one", "two"]
    assert list(process.tail) == lines
    assert (tmp_path / "part.log").read_text().splitlines() == lines
    assert process.epitaph == "part exited with 0"


async def test_a_line_without_end_does_not_fill_the_memory(python: Make):
    code = "import sys\nfor _ in range(64): sys.stdout.write('x' * 65536)"
    async with running(python(code)) as (process, lines):
        await process.wait()

    assert sum(map(len, lines)) == 64 * 65536
    assert max(map(len, lines)) < 200_000


async def test_bytes_that_are_no_text_are_shown_all_the_same(python: Make):
    async with running(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9\r\n')")) as (process, lines):
        await process.wait()

    assert lines == ["caf\ufffd"]


async def test_children_end_with_it(shell: Make):
    async with running(shell("sleep 3600 & echo $!; wait")) as (process, lines):
        await until(lambda: lines)
        child = int(lines[0])
        assert alive(child)

        await process.stop()

    assert not alive(child)


async def test_children_do_not_outlive_one_that_ends_by_itself(shell: Make):
    async with running(shell("sleep 3600 & echo $!; exit 3")) as (process, lines):
        await process.wait()

    assert not alive(int(lines[0]))
    assert process.epitaph == "part exited with 3"


async def test_a_child_gets_its_time_to_end(shell: Make):
    child = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.3); print('saved', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(3600)"
    )
    command = shell(f'true; "{sys.executable}" -c "$CODE"; true')
    async with running(
        Command(command.name, command.arguments, command.folder, {**os.environ, "CODE": child}, command.log_file)
    ) as (process, lines):
        await until(lambda: lines)
        await process.stop()

    assert lines == ["up", "saved"]


async def test_one_that_ignores_the_request_is_killed(python: Make):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(3600)"
    )
    async with running(python(code)) as (process, lines):
        await until(lambda: lines)
        await process.stop(grace_seconds=0.2)

    assert process.epitaph == "part was ended by SIGKILL"


async def test_a_command_that_does_not_exist_is_an_error_in_clear_words(tmp_path: Path):
    command = Command("part", ("/no/such/command",), tmp_path, {}, tmp_path / "part.log")

    with pytest.raises(StartFailed, match="part cannot be started: No such file or directory"):
        await Process.start(command, lambda *_: None)


async def never() -> bool:
    return False


async def test_a_part_that_is_never_ready_is_named_with_its_last_lines(python: Make):
    async with Parts(Output(StringIO(), {})) as parts:
        process = await parts.start(python("print('thinking', flush=True); import time; time.sleep(3600)"))
        await until(lambda: process.tail)

        with pytest.raises(StartFailed) as raised:
            await parts.ready(process, never, 0.2)

    assert raised.value.detail == "part was not ready after 0 seconds; its last lines:\n  thinking"
    assert process.ended


async def test_the_death_of_another_part_ends_the_waiting(python: Make):
    async with Parts(Output(StringIO(), {})) as parts:
        waiting = await parts.start(python("import time; time.sleep(3600)"))
        await parts.start(python("import sys; sys.exit('the database is gone')"))

        with pytest.raises(StartFailed, match="part exited with 1; its last lines:\n  the database is gone"):
            await parts.ready(waiting, never, 30)
