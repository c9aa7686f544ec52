"""`entryway up`: everything that stands behind an application, on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.landscape.authority import ensure_certificates
from entryway.landscape.commands import Commands
from entryway.landscape.environment_file import forget_environments
from entryway.landscape.output import Output
from entryway.landscape.parts import Parts
from entryway.landscape.plan import Plan, prepare, wanted_ports
from entryway.landscape.ports import check_free
from entryway.landscape.process import Process
from entryway.landscape.record import load_record, save_record
from entryway.landscape.secrets import load_or_create_secrets
from entryway.landscape.start import Start
from entryway.landscape.state import FOLDER_NAME, StateFolder, held, open_state
from entryway.landscape.stopping import on_stop_signal
from entryway.landscape.welcome import ready_text

DONE, FAILED, INTERRUPTED = 0, 1, 130
LAST_LINES = 5


def run(folder: Path, port_options: Sequence[str]) -> int:
    """Start the application of a folder, keep it running, and return the exit code."""
    if not folder.is_dir():
        raise ConfigurationMistakes([Mistake(str(folder), "", "is no folder")])
    plan = prepare(folder, port_options)
    output = Output(sys.stdout)
    for warning in plan.warnings:
        output.say(f"warning: {warning}")
    state = open_state(folder / FOLDER_NAME)
    with held(state):
        check_free(*wanted_ports(plan))
        try:
            return asyncio.run(_keep_up(plan, state, output))
        finally:
            forget_environments(state)


async def _keep_up(plan: Plan, state: StateFolder, output: Output) -> int:
    began = time.monotonic()
    asked_to_stop = asyncio.Event()
    parts = Parts(output)

    def stop(number: signal.Signals) -> None:
        if asked_to_stop.is_set():
            parts.impatient.set()
            return
        output.say(f"{signal.Signals(number).name}: stopping everything (once more to hurry)")
        asked_to_stop.set()

    output.when_gone = asked_to_stop.set
    with on_stop_signal(stop):
        async with parts:
            stopping = asyncio.ensure_future(asked_to_stop.wait())
            starting = asyncio.ensure_future(_start(plan, state, parts, output))
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
                return INTERRUPTED
            starting.result()
            output.say(ready_text(plan, state, time.monotonic() - began))
            watching = asyncio.ensure_future(parts.watch(lambda process: _report(process, output)))
            await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not asked_to_stop.is_set():
                output.alarm("every part has ended")
                return FAILED
            watching.cancel()
    output.say("stopped")
    return DONE


async def _start(plan: Plan, state: StateFolder, parts: Parts, output: Output) -> None:
    now = datetime.now(UTC)
    application = plan.application
    output.announce(*(module.name for module in application.descriptor.modules))
    authority = ensure_certificates(state, now)
    record = load_record(state)
    record.ports = plan.ports
    save_record(state, record)
    start = Start(
        plan,
        state,
        load_or_create_secrets(state),
        authority,
        record,
        Commands(plan, state, os.environ, output.colours),
        parts,
        output,
        now,
    )
    await start.run()


def _report(process: Process, output: Output) -> None:
    last = "\n".join(f"  {line}" for line in list(process.tail)[-LAST_LINES:])
    output.alarm(
        f"{process.epitaph}; everything else keeps running, and Ctrl-C stops it" + (f"\n{last}" if last else "")
    )
