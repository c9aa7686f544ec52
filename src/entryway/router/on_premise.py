"""What comes back through the connectivity proxy when the failure is on the way there, not in the system behind it."""

from __future__ import annotations

import re
from typing import ClassVar

from entryway.errors import UpstreamError
from entryway.http import Request, Response


class ConnectionToCompanyFailed(UpstreamError):
    """The connectivity proxy or the connector said no; the code and status are theirs."""

    code: ClassVar[str] = "on_premise_unavailable"
    title: ClassVar[str] = "The connection into the company network is not available"

    def __init__(self, hop: str, status: int, reason: str | None) -> None:
        super().__init__(hop, f"answered {status} {reason or ''}".rstrip())
        self.hop = hop
        self.answered = status
        self.reason = reason or self.code


def check_proxy_answer(request: Request, response: Response) -> None:
    """Raise for an answer of the proxy itself, where a person is looking; scripts get the answer as it is."""
    headers = response.headers
    hop = headers.text("x-error-origin")
    code = headers.text("entryway-error") or headers.text("x-entryway-error-code")
    if hop is None or response.status < 500:
        return
    if b"text/html" not in (request.headers.get(b"accept") or b"").lower():
        return
    if not isinstance(response.body, bytes):
        response.body.abandon()
    raise ConnectionToCompanyFailed(_word(hop), response.status, None if code is None else _word(code))


def _word(text: str) -> str:
    """Keep what can stand in a header and a page."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "", text)[:60]
