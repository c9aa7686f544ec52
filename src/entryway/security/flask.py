"""Flask: decorators that let only those in who may come.

    app = Flask(__name__)

    @app.get("/products")
    @require_scope("Display")
    def products() -> ...: current_context().get_logon_name()

The binding is found in the environment with the first request; `configure(app, credentials)` says it earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask, Response, current_app, request

from entryway.errors import EntrywayError
from entryway.security.bearer import Protection, authorize, log, refusal
from entryway.security.current import acting_as, current_context
from entryway.security.protection import Source, protection
from entryway.security.rules import ANYBODY, Rule, has_any_scope, has_attribute, has_scope
from entryway.security.wsgi import headers_of

__all__ = [
    "configure",
    "current_context",
    "require",
    "require_any",
    "require_attribute",
    "require_scope",
    "require_token",
]

EXTENSION = "entryway"
Given = ParamSpec("Given")
View = Callable[Given, Any]


def configure(app: Flask, source: Source) -> None:
    """Say which binding protects `app`, instead of having it found in the environment."""
    app.extensions[EXTENSION] = protection(source)


def require(rule: Rule) -> Callable[[View[Given]], View[Given]]:
    """Return a decorator for views that lets in whom the rule allows."""

    def decorate(view: View[Given]) -> View[Given]:
        @wraps(view)
        def protected(*args: Given.args, **kwargs: Given.kwargs) -> Any:
            try:
                context = _protection().authenticate(headers_of(request.environ))
                authorize(context, rule)
            except EntrywayError as error:
                return _answer(error)
            with acting_as(context):
                return current_app.ensure_sync(view)(*args, **kwargs)

        return protected

    return decorate


def require_token(view: View[Given]) -> View[Given]:
    """Let in everybody with a good token."""
    return require(ANYBODY)(view)


def require_scope(scope: str) -> Callable[[View[Given]], View[Given]]:
    """Return a decorator that lets in who has this scope of our own application."""
    return require(has_scope(scope))


def require_any(*scopes: str) -> Callable[[View[Given]], View[Given]]:
    """Return a decorator that lets in who has one of these scopes of our own application."""
    return require(has_any_scope(*scopes))


def require_attribute(name: str, *values: str) -> Callable[[View[Given]], View[Given]]:
    """Return a decorator that lets in whose attribute has one of these values, or any if none is named."""
    return require(has_attribute(name, *values))


def _protection() -> Protection:
    found = current_app.extensions.get(EXTENSION)
    if not isinstance(found, Protection):
        found = current_app.extensions[EXTENSION] = protection()
    return found


def _answer(error: EntrywayError) -> Response:
    answer = refusal(error)
    if answer.status == 500:
        log.error("tokens_cannot_be_checked: %s", error.detail)
    return Response(answer.text, answer.status, list(answer.headers), content_type="text/plain; charset=utf-8")
