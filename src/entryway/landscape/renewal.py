"""The landscape's own certificates, issued anew before they end, in processes that run for longer than these last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from entryway.http.certificate_files import CertificateFiles
from entryway.landscape.authority import ensure_certificates
from entryway.landscape.state import StateFolder, StateUnusable
from entryway.telemetry import get_logger

EVERY_SECONDS = 6 * 3600.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Renewal:
    """Issues what ends within a month; whichever process comes first does, and all of them take it over."""

    state: StateFolder
    now: Callable[[], datetime]

    async def keep(self, files: CertificateFiles) -> None:
        """Renew and reload until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(files.watch())
            tasks.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await asyncio.to_thread(ensure_certificates, self.state, self.now())
            except (OSError, StateUnusable) as error:
                log.warning("certificates_not_renewed", reason=str(error))
