"""A wrapper that protects a whole WSGI application, with whatever framework it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from http import HTTPStatus
from typing import Any

from entryway.errors import EntrywayError
from entryway.security.bearer import Headers, authorize, refusal
from entryway.security.bound_certificate import CONNECTION
from entryway.security.current import acting_as
from entryway.security.protection import Source, protection
from entryway.security.rules import ANYBODY, AnyContext, Rule, has_scope

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

CONTEXT = "entryway.security_context"
CLIENT_CERTIFICATE = "SSL_CLIENT_CERT"


class Protected:
    """Lets a request through to `app` with a good token only, and leaves what it says in `environ`."""

    def __init__(
        self, app: Application, source: Source = None, *, scope: str | None = None, rule: Rule = ANYBODY
    ) -> None:
        self._app = app
        self._protection = protection(source)
        self._rule = rule if scope is None else has_scope(scope)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            context = self._protection.authenticate(headers_of(environ))
            authorize(context, self._rule)
        except EntrywayError as error:
            answer = refusal(error)
            body = answer.text.encode()
            headers = [(name.title(), value) for name, value in answer.headers]
            headers += [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
            start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
            return [body]
        environ[CONTEXT] = context
        return _within(context, self._app, environ, start_response)


def headers_of(environ: Mapping[str, Any]) -> Headers:
    """Return the headers of a request; a server joins those that came twice, and then they are no token.

    The certificate of the connection is where Apache's mod_ssl, and others after it, put it.
    """

    def values(name: str) -> list[str]:
        value = environ.get(CLIENT_CERTIFICATE if name == CONNECTION else f"HTTP_{name.upper().replace('-', '_')}")
        return [value] if isinstance(value, str) else []

    return values


def _within(context: AnyContext, app: Application, environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    # The thread serves others afterwards, and between the parts of an answer: each step has the context to itself.
    with acting_as(context):
        parts = app(environ, start_response)
    close = getattr(parts, "close", None)
    with closing(parts) if close else nullcontext():  # type: ignore[type-var]
        steps = iter(parts)
        while True:
            with acting_as(context):
                part = next(steps, None)
            if part is None:
                return
            yield part
