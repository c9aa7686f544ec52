"""How a router process is operated: its admin port, its workers, its traces. Settings of our own, read once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from entryway.config.mistakes import Mistake
from entryway.config.xs_app_environment import Reader

ADMIN_PORT = "ENTRYWAY_ADMIN_PORT"
ADMIN_HOST = "ENTRYWAY_ADMIN_HOST"
HTTP2 = "HTTP2_SUPPORT"
SERVER = "ENTRYWAY_SERVER"
ENGINE, GRANIAN = "engine", "granian"
WORKERS = "ENTRYWAY_WORKERS"
CERTIFICATE, KEY = "ENTRYWAY_TLS_CERTIFICATE", "ENTRYWAY_TLS_KEY"
LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files with which the router proves to clients who it is."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Operation:
    """Settings of the process, beside those of the router."""

    admin_port: int | None = None
    admin_host: str = LOOPBACK
    http2: bool = False
    granian: bool = False
    """Whether clients are served by Granian instead of our own engine."""
    workers: int = 1
    certificate: Certificate | None = None


def read_operation(environ: Mapping[str, str]) -> tuple[Operation, list[Mistake]]:
    """Return the settings (defaults where a value is wrong) and every mistake."""
    read = Reader(environ)
    http2 = read.lenient_boolean(HTTP2)
    operation = Operation(
        admin_port=_admin_port(read),
        admin_host=environ.get(ADMIN_HOST, "").strip() or LOOPBACK,
        http2=http2,
        granian=_granian(read) or http2,
        workers=read.integer(WORKERS, "workers", 1, least=1),
        certificate=_certificate(read),
    )
    if operation.granian:
        rule = "time-outs and limits of clients are not kept where Granian serves them"
        read.mistakes.append(Mistake(HTTP2 if http2 else SERVER, "", rule, "leave it out where they matter", "warning"))
    return operation, read.mistakes


def worker_mistakes(operation: Operation, *, shares_sessions: bool) -> list[Mistake]:
    """Return why there cannot be several workers."""
    if operation.workers == 1:
        return []
    mistakes = []
    if not shares_sessions:
        rule = f"{operation.workers} workers need sessions that they share"
        mistakes.append(Mistake(WORKERS, "", rule, "set EXT_SESSION_MGT, or use one worker"))
    if operation.granian:
        name = HTTP2 if operation.http2 else f"{SERVER}={GRANIAN}"
        mistakes.append(Mistake(WORKERS, "", f"{name} is served by one worker", "leave one of the two out"))
    return mistakes


def _certificate(read: Reader) -> Certificate | None:
    chain, key = (read.environ.get(name, "").strip() for name in (CERTIFICATE, KEY))
    if not chain and not key:
        return None
    if not chain or not key:
        missing = KEY if chain else CERTIFICATE
        read.mistakes.append(Mistake(missing, "", f"{CERTIFICATE} and {KEY} belong together", f"set {missing} too"))
        return None
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain, key, password=_no_password)
    except (OSError, ValueError) as error:
        read.unreadable(CERTIFICATE, f"the certificate and its key cannot be read: {error}")
        return None
    return Certificate(Path(chain), Path(key))


def _granian(read: Reader) -> bool:
    given = read.environ.get(SERVER, "").strip() or ENGINE
    if given not in {ENGINE, GRANIAN}:
        read.wrong("server", f"Value {given} is not one of {ENGINE}, {GRANIAN}")
    return given == GRANIAN


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for its password")


def _admin_port(read: Reader) -> int | None:
    if not read.environ.get(ADMIN_PORT, "").strip():
        return None
    port = read.integer(ADMIN_PORT, "adminPort", 0, least=1)
    if port > HIGHEST_PORT:
        read.wrong("adminPort", f"Value {port} is greater than maximum {HIGHEST_PORT}")
        return None
    return port or None
