"""FastAPI and Starlette: dependencies that let only those in who may come.

    app = FastAPI(dependencies=[Depends(current_context)])

    @app.get("/products", dependencies=[Depends(require_scope("Display"))])
    def products(user: Annotated[User, Depends(current_user)]) -> ...

The binding is found in the environment with the first request; `configure(app, credentials)` says it earlier.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from entryway.errors import EntrywayError
from entryway.security.asgi import headers_of
from entryway.security.bearer import Protection, authorize, log, refusal
from entryway.security.protection import Source, protection
from entryway.security.rules import AnyContext, Rule, has_any_scope, has_attribute, has_scope

_PROTECTION = "entryway_protection"
_CONTEXT = "entryway_security_context"


@dataclass(frozen=True, slots=True)
class User:
    """Who is calling; a technical client has no name and no email."""

    id: str | None
    logon_name: str | None
    given_name: str | None
    family_name: str | None
    email: str | None
    scopes: frozenset[str]
    context: AnyContext


def configure(app: Any, source: Source) -> None:
    """Say which binding protects `app`, instead of having it found in the environment."""
    setattr(app.state, _PROTECTION, protection(source))


async def current_context(connection: HTTPConnection) -> AnyContext:
    """Return the security context of this request, or answer 401."""
    known: AnyContext | None = getattr(connection.state, _CONTEXT, None)
    if known is not None:
        return known
    try:
        context = await _protection(connection).authenticate_async(headers_of(connection.scope))
    except EntrywayError as error:
        raise _http(error) from error
    setattr(connection.state, _CONTEXT, context)
    return context


async def current_user(connection: HTTPConnection) -> User:
    """Return who is calling, or answer 401; `scopes` are those of our own application, without its name."""
    context = await current_context(connection)
    return User(
        context.get_user_id(),
        context.get_logon_name(),
        context.get_given_name(),
        context.get_family_name(),
        context.get_email(),
        context.local_scopes(),
        context,
    )


def require(rule: Rule) -> Callable[[HTTPConnection], Awaitable[AnyContext]]:
    """Return a dependency that lets in whom the rule allows, and answers 403 to others."""

    async def ruled(connection: HTTPConnection) -> AnyContext:
        context = await current_context(connection)
        try:
            authorize(context, rule)
        except EntrywayError as error:
            raise _http(error) from error
        return context

    return ruled


def require_scope(scope: str) -> Callable[[HTTPConnection], Awaitable[AnyContext]]:
    """Return a dependency that lets in who has this scope of our own application, and answers 403 to others."""
    return require(has_scope(scope))


def require_any(*scopes: str) -> Callable[[HTTPConnection], Awaitable[AnyContext]]:
    """Return a dependency that lets in who has one of these scopes of our own application."""
    return require(has_any_scope(*scopes))


def require_attribute(name: str, *values: str) -> Callable[[HTTPConnection], Awaitable[AnyContext]]:
    """Return a dependency that lets in whose attribute has one of these values, or any if none is named."""
    return require(has_attribute(name, *values))


def _protection(connection: HTTPConnection) -> Protection:
    state = connection.app.state
    found = getattr(state, _PROTECTION, None)
    if not isinstance(found, Protection):
        found = protection()
        setattr(state, _PROTECTION, found)
    return found


def _http(error: EntrywayError) -> HTTPException:
    answer = refusal(error)
    if answer.status == 500:
        log.error("tokens_cannot_be_checked: %s", error.detail)
    return HTTPException(answer.status, answer.text, dict(answer.headers))
