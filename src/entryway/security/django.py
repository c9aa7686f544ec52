"""Django: decorators for views, and a middleware that asks for a token everywhere.

    MIDDLEWARE = [..., "entryway.security.django.RequireToken"]

    @require_scope("Display")
    def products(request): request.security_context.get_logon_name()

The setting `ENTRYWAY_SECURITY` names the binding (its credentials, or a `Protection`), else the environment does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse

from entryway.errors import EntrywayError
from entryway.security.bearer import Protection, authorize, log, refusal
from entryway.security.current import acting_as, current_context
from entryway.security.protection import protection
from entryway.security.rules import ANYBODY, AnyContext, Rule, has_any_scope, has_attribute, has_scope
from entryway.security.wsgi import headers_of

__all__ = [
    "RequireToken",
    "configured_protection",
    "current_context",
    "public",
    "require",
    "require_any",
    "require_attribute",
    "require_scope",
    "require_token",
]

SETTING = "ENTRYWAY_SECURITY"
PUBLIC = "entryway_public"
View = TypeVar("View", bound=Callable[..., Any])
_configured: list[Protection] = []


def configured_protection() -> Protection:
    """Return what the settings say, else the environment; asked once in a process."""
    if not _configured:
        _configured.append(protection(getattr(settings, SETTING, None)))
    return _configured[0]


def require(rule: Rule) -> Callable[[View], View]:
    """Return a decorator for views, synchronous or not, that lets in whom the rule allows."""

    def decorate(view: View) -> View:
        @wraps(view)
        def protected(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                context = _known(request) or configured_protection().authenticate(headers_of(request.META))
                authorize(context, rule)
            except EntrywayError as error:
                return _answer(error)
            _set(request, context)
            with acting_as(context):
                return view(request, *args, **kwargs)

        @wraps(view)
        async def protected_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                known = _known(request)
                context = known or await configured_protection().authenticate_async(headers_of(request.META))
                authorize(context, rule)
            except EntrywayError as error:
                return _answer(error)
            _set(request, context)
            with acting_as(context):
                return await view(request, *args, **kwargs)

        return protected_async if inspect.iscoroutinefunction(view) else protected  # type: ignore[return-value]

    return decorate


def require_token(view: View) -> View:
    """Let in everybody with a good token."""
    return require(ANYBODY)(view)


def require_scope(scope: str) -> Callable[[View], View]:
    """Return a decorator that lets in who has this scope of our own application."""
    return require(has_scope(scope))


def require_any(*scopes: str) -> Callable[[View], View]:
    """Return a decorator that lets in who has one of these scopes of our own application."""
    return require(has_any_scope(*scopes))


def require_attribute(name: str, *values: str) -> Callable[[View], View]:
    """Return a decorator that lets in whose attribute has one of these values, or any if none is named."""
    return require(has_attribute(name, *values))


def public(view: View) -> View:
    """Let everybody in, also where `RequireToken` asks for a token everywhere else."""
    setattr(view, PUBLIC, True)
    return view


class RequireToken:
    """A middleware that lets requests through to views with a good token only, apart from those that are `public`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer instead of the view, or leave the context in the request."""
        del args, kwargs
        if getattr(view, PUBLIC, False):
            return None
        try:
            _set(request, configured_protection().authenticate(headers_of(request.META)))
        except EntrywayError as error:
            return _answer(error)
        return None


def _known(request: HttpRequest) -> AnyContext | None:
    return getattr(request, "security_context", None)


def _set(request: HttpRequest, context: AnyContext) -> None:
    request.security_context = context


def _answer(error: EntrywayError) -> HttpResponse:
    answer = refusal(error)
    if answer.status == 500:
        log.error("tokens_cannot_be_checked: %s", error.detail)
    return HttpResponse(
        answer.text, status=answer.status, headers=dict(answer.headers), content_type="text/plain; charset=utf-8"
    )


def _forget(*, setting: str, **_: Any) -> None:
    if setting == SETTING:
        _configured.clear()


setting_changed.connect(_forget)
