"""FastAPI and Starlette: dependencies that let only those in who may come.

    app = FastAPI(dependencies=[Depends(current_context)])

    @app.get("/products", dependencies=[Depends(require_scope("Display"))])
    def products(user: Annotated[User, Depends(current_user)]) -> ...

The binding is found in the environment with the first request; `configure(app, credentials)` says it earlier.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from entryway.errors import EntrywayError
from entryway.security.bearer import authenticate, authorize, log, refusal
from entryway.security.context import SecurityContext
from entryway.security.credentials import ServiceCredentials, find_credentials, parse_credentials
from entryway.security.validator import TokenValidator, shared_validator

_VALIDATOR = "entryway_validator"
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
    context: SecurityContext


def configure(app: Any, credentials: ServiceCredentials | Mapping[str, Any] | TokenValidator) -> None:
    """Say which binding protects `app`, instead of having it found in the environment."""
    if isinstance(credentials, TokenValidator):
        validator = credentials
    elif isinstance(credentials, ServiceCredentials):
        validator = shared_validator(credentials)
    else:
        validator = shared_validator(parse_credentials(credentials))
    setattr(app.state, _VALIDATOR, validator)


async def current_context(connection: HTTPConnection) -> SecurityContext:
    """Return the security context of this request, or answer 401."""
    known = getattr(connection.state, _CONTEXT, None)
    if isinstance(known, SecurityContext):
        return known
    try:
        context = await authenticate(_validator(connection), _authorization(connection))
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


def require_scope(scope: str) -> Callable[[HTTPConnection], Awaitable[SecurityContext]]:
    """Return a dependency that lets in who has this scope of our own application, and answers 403 to others."""

    async def scoped(connection: HTTPConnection) -> SecurityContext:
        context = await current_context(connection)
        try:
            authorize(context, scope, context.check_local_scope)
        except EntrywayError as error:
            raise _http(error) from error
        return context

    return scoped


def _authorization(connection: HTTPConnection) -> str | None:
    values = connection.headers.getlist("authorization")
    # Two headers are two claims of who is calling: neither is believed.
    return values[0] if len(values) == 1 else None


def _validator(connection: HTTPConnection) -> TokenValidator:
    state = connection.app.state
    validator = getattr(state, _VALIDATOR, None)
    if not isinstance(validator, TokenValidator):
        validator = shared_validator(find_credentials())
        setattr(state, _VALIDATOR, validator)
    return validator


def _http(error: EntrywayError) -> HTTPException:
    answer = refusal(error)
    if answer.status == 500:
        log.error("tokens_cannot_be_checked: %s", error.detail)
    return HTTPException(answer.status, answer.text, dict(answer.headers))
