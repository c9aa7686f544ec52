"""How a router process is operated: its admin port, its workers, its traces. Settings of our own, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from entryway.config.mistakes import Mistake
from entryway.config.xs_app_environment import Reader

ADMIN_PORT = "ENTRYWAY_ADMIN_PORT"
ADMIN_HOST = "ENTRYWAY_ADMIN_HOST"
LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Operation:
    """Settings of the process, beside those of the router."""

    admin_port: int | None = None
    admin_host: str = LOOPBACK


def read_operation(environ: Mapping[str, str]) -> tuple[Operation, list[Mistake]]:
    """Return the settings (defaults where a value is wrong) and every mistake."""
    read = Reader(environ)
    operation = Operation(admin_port=_admin_port(read), admin_host=environ.get(ADMIN_HOST, "").strip() or LOOPBACK)
    return operation, read.mistakes


def _admin_port(read: Reader) -> int | None:
    if not read.environ.get(ADMIN_PORT, "").strip():
        return None
    port = read.integer(ADMIN_PORT, "adminPort", 0, least=1)
    if port > HIGHEST_PORT:
        read.wrong("adminPort", f"Value {port} is greater than maximum {HIGHEST_PORT}")
        return None
    return port or None
