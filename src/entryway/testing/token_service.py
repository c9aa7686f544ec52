"""Another system's token service: answers what the test says, and records what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from entryway.testing.authority import TestAuthority
from entryway.testing.tls_server import running_tls_server


@dataclass(frozen=True, slots=True)
class RecordedTokenRequest:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(slots=True)
class TokenService:
    """`answer` is status and body of all answers; a body that is neither text nor bytes becomes JSON."""

    url: str
    requests: list[RecordedTokenRequest] = field(default_factory=list)
    answer: tuple[int, Any] = (
        200,
        {"access_token": "the-token", "token_type": "bearer", "expires_in": 3600, "scope": "a b"},
    )
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None
    """Answers wait until this is set."""

    @property
    def token_url(self) -> str:
        return f"{self.url}/oauth/token"


@contextmanager
def running_token_service(authority: TestAuthority) -> Iterator[TokenService]:
    """Serve a token service on a free port of `localhost`, over TLS."""
    with running_tls_server(_Handler, authority) as server:
        service = server.state = TokenService(server.url)
        yield service
        if service.hold is not None:
            service.hold.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_POST(self) -> None:
        self._handle()

    def do_GET(self) -> None:
        self._handle()

    def _handle(self) -> None:
        service: TokenService = self.server.state  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        target = urlsplit(self.path)
        service.requests.append(
            RecordedTokenRequest(
                self.command,
                target.path,
                dict(parse_qsl(target.query)),
                {name.lower(): value for name, value in self.headers.items()},
                dict(parse_qsl(body.decode(), keep_blank_values=True)),
            )
        )
        if service.hold is not None:
            service.hold.wait(20)
        status, content = service.answer
        raw = content if isinstance(content, bytes) else _encoded(content)
        self.send_response(status)
        for name, value in {"content-type": "application/json", **service.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the test looks at `requests`."""


def _encoded(content: Any) -> bytes:
    return (content if isinstance(content, str) else json.dumps(content)).encode()
