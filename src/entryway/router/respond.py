"""How errors become answers, in one place: a page for people, problem details for programs that read JSON, and for all
others the reason phrase. The header `entryway-error` names the kind always, so that nobody takes our 502 for the
application's.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from entryway.config.xs_app_model import ErrorPage
from entryway.errors import EntrywayError, UpstreamError
from entryway.http import Headers, Request, Response
from entryway.router.address import prefix_of
from entryway.router.challenge import challenge
from entryway.router.errors import BasicCredentialsRequired, CsrfTokenRequired, LoginFailed, MethodNotAllowed
from entryway.router.login_page import NO_STORE
from entryway.router.on_premise import ConnectionToCompanyFailed
from entryway.telemetry import get_logger

log = get_logger("router")

POLICY = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"


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
        accept = b"" if request is None else (request.headers.get(b"accept") or b"").lower()
        if request is not None and b"text/html" in accept:
            return [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-security-policy", POLICY),
                (b"x-content-type-options", b"nosniff"),
            ], _page(request, error, request_id)
        if b"json" in accept:
            return [(b"content-type", b"application/problem+json")], _problem(error, request_id)
        status, code = told(error)
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


def _page(request: Request, error: EntrywayError, request_id: str) -> bytes:
    status, code = told(error)
    again = ""
    if isinstance(error, LoginFailed):
        again = f'<p><a href="{html.escape(prefix_of(request))}/">Try again</a></p>'
    elif status in (502, 503, 504) and request.method == "GET":
        again = '<p><a href="">Try again</a></p>'
    hop = ""
    if isinstance(error, UpstreamError):
        hop = (
            "<p>The application itself is running, and you are still logged in. What failed is a system behind it.</p>"
        )
    if isinstance(error, ConnectionToCompanyFailed):
        hop += f"<p>The answer came from: {html.escape(error.hop)}</p>"
    return _PAGE.format(
        title=html.escape(error.title),
        status=status,
        phrase=html.escape(phrase_of(status)),
        code=html.escape(code),
        request_id=html.escape(request_id),
        hop=hop,
        again=again,
    ).encode()


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem; color: #1d2d3e }}
h1 {{ font-size: 1.5rem }} a {{ color: #0064d9 }} dl {{ color: #556b82; font-size: .875rem }}
dt {{ float: left; clear: left; width: 7rem }} dd {{ margin-left: 7rem; font-family: ui-monospace, monospace }}
</style></head><body>
<h1>{title}</h1>
{hop}{again}
<dl><dt>Status</dt><dd>{status} {phrase}</dd><dt>Reason code</dt><dd>{code}</dd>
<dt>Request</dt><dd>{request_id}</dd></dl>
</body></html>
"""
