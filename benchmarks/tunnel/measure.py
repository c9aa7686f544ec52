"""Measure the carriers of the tunnel: `python benchmarks/tunnel/measure.py [carrier …]`.

For each carrier, a gateway process and a connector process talk over loopback with mutual TLS. CPU time is that of both
processes together (`getrusage`), with the load made inside the gateway process, so it costs every carrier the same.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import certificates
import uvloop
from work import cpu_seconds

CARRIERS = {"h2": "over_h2", "httpunk": "over_httpunk", "dialled": "over_dialled_connections"}
SMALL_REQUESTS = 6000
BIG = 256 * 1024 * 1024


class Carrier(Protocol):
    async def listen(self) -> int: ...
    async def ready(self) -> None: ...
    def fetch(self, path: str) -> AsyncIterator[bytes]: ...


async def read(carrier: Carrier, path: str) -> bytes:
    return b"".join([chunk async for chunk in carrier.fetch(path)])


async def cpu(carrier: Carrier) -> float:
    return cpu_seconds() + json.loads(await read(carrier, "/cpu"))


async def small(carrier: Carrier, concurrency: int) -> float:
    """Microseconds of CPU a request, over both processes."""
    await load(carrier, 500, concurrency)
    before = await cpu(carrier)
    await load(carrier, SMALL_REQUESTS, concurrency)
    return (await cpu(carrier) - before) / SMALL_REQUESTS * 1e6


async def load(carrier: Carrier, requests: int, concurrency: int) -> None:
    remaining = iter(range(requests))

    async def worker() -> None:
        for _ in remaining:
            await read(carrier, "/small")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(worker())


async def big(carrier: Carrier) -> float:
    """Megabytes a second of CPU, over both processes."""
    before = await cpu(carrier)
    received = 0
    async for chunk in carrier.fetch(f"/big/{BIG}"):
        received += len(chunk)
    assert received == BIG, received
    return received / 1e6 / (await cpu(carrier) - before)


async def beside_slow_readers(carrier: Carrier, readers: int) -> str:
    """Milliseconds (p50 / p99) of 100 small requests, ten at a time, beside readers that sip from big streams."""
    streams = [carrier.fetch("/slow/1") for _ in range(readers)]

    async def sip(stream: AsyncIterator[bytes]) -> None:
        async for _ in stream:
            await asyncio.sleep(1)

    sipping = [asyncio.create_task(sip(stream)) for stream in streams]
    await asyncio.sleep(1)  # by now every window that the slow ones may fill is full
    took: list[float] = []
    remaining = iter(range(100))

    async def worker() -> None:
        for _ in remaining:
            begin = time.perf_counter()
            await read(carrier, "/small")
            took.append((time.perf_counter() - begin) * 1000)

    try:
        async with asyncio.timeout(5):
            await asyncio.gather(*(worker() for _ in range(10)))
    except TimeoutError:
        return f"stalled: {len(took)} of 100 in 5 s"
    finally:
        for task in sipping:
            task.cancel()
        await asyncio.gather(*sipping, return_exceptions=True)
    return f"{statistics.median(took):.1f} / {sorted(took)[98]:.1f}"


async def thousand(carrier: Carrier) -> tuple[float, float, int]:
    """Seconds until 1,000 requests, each 100 ms at the backend, are answered: first and second time; failures."""
    times = []
    failures = 0
    for _ in range(2):
        begin = time.perf_counter()
        results = await asyncio.gather(*(read(carrier, "/wait/100") for _ in range(1000)), return_exceptions=True)
        times.append(time.perf_counter() - begin)
        failures += sum(isinstance(result, BaseException) for result in results)
    return times[0], times[1], failures


async def measure(name: str) -> str:
    module = importlib.import_module(CARRIERS[name])
    with tempfile.TemporaryDirectory() as folder:
        created = certificates.create(Path(folder))
        carrier: Carrier = module.Gateway(created)
        port = await carrier.listen()
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--connector", name, str(port), folder, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await asyncio.wait_for(carrier.ready(), 10)
            one, sixteen = await small(carrier, 1), await small(carrier, 16)
            throughput = await big(carrier)
            first, second, failures = await thousand(carrier)
            beside_one = await beside_slow_readers(carrier, 1)
            beside_sixteen = await beside_slow_readers(carrier, 16)  # last: it may stall the carrier for good
        finally:
            process.kill()
            await process.wait()
    return (
        f"| {name} | {one:.0f} | {sixteen:.0f} | {throughput:.0f} "
        f"| {first:.2f} / {second:.2f} | {failures} | {beside_one} | {beside_sixteen} |"
    )


async def main(names: list[str]) -> None:
    columns = [
        "carrier",
        "CPU µs a request, 1 at a time",
        "16 at a time",
        "MB a CPU second",
        "s for 1,000 at once, first / second time",
        "failed",
        "ms beside 1 slow reader, p50 / p99",
        "beside 16",
    ]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for name in names:
        print(await measure(name), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--connector"]:
        _, _, chosen, chosen_port, where = sys.argv
        connector = importlib.import_module(CARRIERS[chosen]).connector
        uvloop.run(connector(int(chosen_port), certificates.Certificates(Path(where))))
    elif len(sys.argv) > 1:
        uvloop.run(main(sys.argv[1:]))
    else:
        # Each carrier in a fresh process, so that none pays for the memory of the one before.
        for each in CARRIERS:
            uvloop.run(main([each]))
