"""How errors become answers, in one place: a page for people, problem details for programs that read JSON, and for all
others the reason phrase. The header `entryway-error` names the kind always, so that nobody takes our 502 for the
application's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from entryway.config.xs_app_model import ErrorPage
from entryway.errors import EntrywayError
from entryway.http import Headers, Request, Response
from entryway.router.challenge import challenge
from entryway.router.error_page import POLICY, Told, error_page
from entryway.router.errors import BasicCredentialsRequired, CsrfTokenRequired, MethodNotAllowed
from entryway.router.login_page import NO_STORE
from entryway.router.on_premise import ConnectionToCompanyFailed
from entryway.telemetry import get_logger

log = get_logger("router")


@dataclass(frozen=True, slots=True)
class Responder:
    """Renders errors."""

    development: bool
    name_source: bool
    """Whether `x-error-source: gateway` is sent."""
    pages: dict[int, bytes]
    """Files that the application wants shown, by status."""
    redirects: dict[int, str]
    """Paths of the application that show an error, by status."""

    def error(self, request: Request | None, error: Exception, request_id: str) -> Response:
        """Return the answer; what an error's detail says goes to the log alone."""
        known = error if isinstance(error, EntrywayError) else EntrywayError("unexpected")
        status, code = told(known)
        headers: list[tuple[bytes, bytes]] = [(b"entryway-error", code.encode())]
        if self.name_source:
            headers.append((b"x-error-source", b"gateway"))
        if isinstance(known, BasicCredentialsRequired):
            headers.append((b"www-authenticate", challenge(known.realm)))
        if isinstance(known, CsrfTokenRequired):
            headers.append((b"x-csrf-token", b"Required"))
        if isinstance(known, MethodNotAllowed):
            headers.append((b"allow", known.allowed.encode()))
            if known.bare:
                return Response(status, Headers(headers))
        path = self.redirects.get(status)
        if path is not None and request is not None and request.target.partition("?")[0] != path:
            return Response(302, Headers([*headers, (b"location", path.encode("latin-1"))]))
        if status in self.pages:
            headers += [(b"content-type", b"text/html; charset=UTF-8"), (b"cache-control", b"public, max-age=0")]
            return Response(status, Headers(headers), self.pages[status])
        headers.append((b"cache-control", NO_STORE))
        more, body = self._body(request, known, request_id)
        return Response(status, Headers([*headers, *more]), body)

    def _body(
        self, request: Request | None, error: EntrywayError, request_id: str
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        status, code = told(error)
        accept = b"" if request is None else (request.headers.get(b"accept") or b"").lower()
        if request is not None and b"text/html" in accept:
            return [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-security-policy", POLICY),
                (b"x-content-type-options", b"nosniff"),
            ], error_page(request, error, Told(status, phrase_of(status), code, request_id))
        if b"json" in accept:
            return [(b"content-type", b"application/problem+json")], _problem(error, request_id)
        phrase = phrase_of(status)
        # The form that tools of developers read; the second part is the name of the error, nothing from inside.
        text = f"{status}: {phrase}\t{code}" if self.development else phrase
        return [(b"x-content-type-options", b"nosniff")], text.encode()


def error_pages(pages: Sequence[ErrorPage]) -> tuple[dict[int, bytes], dict[int, str]]:
    """Read the application's own error pages; for each status the first that names it counts."""
    files: dict[int, bytes] = {}
    redirects: dict[int, str] = {}
    for page in pages:
        for status in page.statuses:
            if status in files or status in redirects:
                continue
            if page.file is not None:
                files[status] = page.file.read_bytes()
            else:
                redirects[status] = quote("/" + (page.path or "").lstrip("/"), safe="/%?&=:@!$'()*+,;~-._")
    return files, redirects


def told(error: EntrywayError) -> tuple[int, str]:
    """Return status and code as the caller sees them; those of the connectivity proxy are passed on."""
    if isinstance(error, ConnectionToCompanyFailed):
        return error.answered, error.reason
    return error.status, error.code


def phrase_of(status: int) -> str:
    """Return the reason phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _problem(error: EntrywayError, request_id: str) -> bytes:
    status, code = told(error)
    problem = {
        "type": f"urn:entryway:error:{code}",
        "title": error.title,
        "status": status,
        "code": code,
        "request_id": request_id,
    }
    return json.dumps(problem).encode()
