"""How a router process is operated: its admin port, its workers, its traces. Settings of our own, read once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from entryway.config.environment_reader import Reader
from entryway.config.mistakes import Mistake

ADMIN_PORT = "ENTRYWAY_ADMIN_PORT"
ADMIN_HOST = "ENTRYWAY_ADMIN_HOST"
HTTP2 = "HTTP2_SUPPORT"
SERVER = "ENTRYWAY_SERVER"
ENGINE, ASGI, GRANIAN = "engine", "asgi", "granian"
WORKERS = "ENTRYWAY_WORKERS"
CERTIFICATE, KEY = "ENTRYWAY_TLS_CERTIFICATE", "ENTRYWAY_TLS_KEY"
LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65535
TRACES_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
TRACES_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
TRACES_EXPORTER, TRACES_OFF = "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"
OVER_HTTP = "http/protobuf"


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
    server: str = ENGINE
    """What serves clients: our own engine, as it is or as a server of ASGI applications, or Granian."""
    workers: int = 1
    certificate: Certificate | None = None
    traces: bool = False
    """Whether spans are sent to a collector."""


def read_operation(environ: Mapping[str, str]) -> tuple[Operation, list[Mistake]]:
    """Return the settings (defaults where a value is wrong) and every mistake."""
    read = Reader(environ)
    http2 = read.lenient_boolean(HTTP2)
    operation = Operation(
        admin_port=read_admin_port(read),
        admin_host=environ.get(ADMIN_HOST, "").strip() or LOOPBACK,
        http2=http2,
        server=GRANIAN if http2 else _server(read),
        workers=read.integer(WORKERS, "workers", 1, least=1),
        certificate=_certificate(read),
        traces=_traces(read),
    )
    if operation.server == GRANIAN:
        rule = "Granian takes a hundred headers, and gives the head of a request the time of SERVER_KEEP_ALIVE"
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
    if operation.server == GRANIAN:
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


def _server(read: Reader) -> str:
    given = read.environ.get(SERVER, "").strip() or ENGINE
    if given not in {ENGINE, ASGI, GRANIAN}:
        read.wrong("server", f"Value {given} is not one of {ENGINE}, {ASGI}, {GRANIAN}")
        return ENGINE
    return given


def _traces(read: Reader) -> bool:
    """Tell whether the standard variables ask for traces, and can have them; they never keep a router from starting."""
    environ = read.environ
    endpoint = next((name for name in TRACES_ENDPOINTS if environ.get(name, "").strip()), None)
    if endpoint is None or environ.get(TRACES_OFF, "").strip().lower() == "true":
        return False
    exporter = environ.get(TRACES_EXPORTER, "").strip() or "otlp"
    if exporter == "none":
        return False
    if exporter != "otlp":
        read.mistakes.append(_no_traces(TRACES_EXPORTER, f"{exporter} is not an exporter here", "use otlp"))
        return False
    for name in TRACES_PROTOCOLS:
        if protocol := environ.get(name, "").strip():
            if protocol == OVER_HTTP:
                break
            read.mistakes.append(_no_traces(name, f"{protocol} is not spoken here", f"use {OVER_HTTP}"))
            return False
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        read.mistakes.append(_no_traces(endpoint, "OpenTelemetry is not installed", "install entryway[server,otel]"))
        return False
    return True


def _no_traces(name: str, why: str, instead: str) -> Mistake:
    return Mistake(name, "", f"no traces are sent: {why}", instead, "warning")


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for its password")


def read_admin_port(read: Reader) -> int | None:
    """Return where the admin port listens, of the router or of services; None where there is none."""
    if not read.environ.get(ADMIN_PORT, "").strip():
        return None
    port = read.integer(ADMIN_PORT, "adminPort", 0, least=1)
    if port > HIGHEST_PORT:
        read.wrong("adminPort", f"Value {port} is greater than maximum {HIGHEST_PORT}")
        return None
    return port or None
