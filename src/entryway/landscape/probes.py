"""How to know that a part is ready."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from entryway.clients.tls import outgoing_context
from entryway.config.descriptor import HealthCheck
from entryway.landscape.application import url_of
from entryway.landscape.dispatch import HEALTH_PATH

if TYPE_CHECKING:
    from entryway.landscape.parts import Probe

TRY_SECONDS = 2.0


def port_probe(port: int, host: str = "127.0.0.1") -> Probe:
    """Return whether something listens on the port."""

    async def listening() -> bool:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return listening


def services_probe(url: str, ca_file: Path) -> Probe:
    """Return whether the control plane answers."""
    context = outgoing_context(os.environ, ca_files=[ca_file])

    async def healthy() -> bool:
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=TRY_SECONDS) as http:
            return await _answers(http, url + HEALTH_PATH)

    return healthy


def module_probe(health: HealthCheck, port: int) -> Probe:
    """Return whether a module is ready, in the way that its descriptor asks for."""
    if health.kind == "port":
        # Some servers listen on one of the two addresses of this name only.
        return port_probe(port, "localhost")

    async def running() -> bool:
        if health.kind == "process":
            return True
        async with httpx.AsyncClient(trust_env=False, timeout=TRY_SECONDS) as http:
            return await _answers(http, url_of(port) + health.endpoint)

    return running


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await http.get(url)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200
