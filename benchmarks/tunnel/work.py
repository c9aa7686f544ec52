"""What the company end answers, the same for every carrier."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator

SMALL = json.dumps({"product": "Notebook Basic 15", "price": "956.00", "currency": "EUR", "text": "x" * 140}).encode()
CHUNK = b"\x00" * 65536

# What a browser's request carries after a router forwarded it: eleven fields and a token of 1.8 kB.
REQUEST_HEADERS = [
    ("host", "erp.virtual:443"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en-GB,en;q=0.9"),
    ("authorization", "Bearer " + "t" * 1800),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
    ("x-correlationid", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-host", "localhost:5000"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-path", "/products"),
]


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def answer(path: str) -> bytes | AsyncIterator[bytes]:
    """`/small`, `/cpu` (seconds of this process), `/big/<bytes>`, `/slow/<seconds>`, `/wait/<milliseconds>`."""
    kind, _, argument = path[1:].partition("/")
    if kind == "small":
        return SMALL
    if kind == "cpu":
        return json.dumps(cpu_seconds()).encode()
    if kind == "wait":
        await asyncio.sleep(int(argument) / 1000)
        return SMALL
    return _big(int(argument)) if kind == "big" else _slow(int(argument))


async def _big(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // len(CHUNK)):
        yield CHUNK


async def _slow(seconds: int) -> AsyncIterator[bytes]:
    # As fast as the reader takes it, and the reader takes it slowly: what matters is what this does to the others.
    for _ in range(seconds * 1000):
        yield CHUNK
