"""Bearer tokens in HTTP: where a request carries one, and what is answered when it may not pass."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from entryway.errors import EntrywayError
from entryway.security.context import SecurityContext
from entryway.security.errors import InsufficientScope, KeysUnavailable, TokenInvalid, TokenMissing
from entryway.security.validator import TokenValidator

log = logging.getLogger("entryway.security")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller is told: the same for every reason, because reasons help those who guess."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...]


def refusal(error: EntrywayError) -> Refusal:
    """Return the answer to a request that ended in `error`."""
    if isinstance(error, TokenMissing):
        # RFC 6750 §3.1: a request without credentials is not told of an error.
        return Refusal(401, "Unauthorized", (("www-authenticate", "Bearer"),))
    if isinstance(error, TokenInvalid):
        return Refusal(401, "Unauthorized", (("www-authenticate", 'Bearer error="invalid_token"'),))
    if isinstance(error, InsufficientScope):
        return Refusal(403, "Forbidden", (("www-authenticate", 'Bearer error="insufficient_scope"'),))
    if isinstance(error, KeysUnavailable):
        return Refusal(503, "Service Unavailable", (("retry-after", "5"),))
    return Refusal(500, "Internal Server Error", ())


def bearer_token(authorization: str | None) -> str:
    """Return the token in the value of an Authorization header."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


async def authenticate(validator: TokenValidator, authorization: str | None) -> SecurityContext:
    """Return who is calling, or log why that is not believed and raise."""
    try:
        return await validator.validate_async(bearer_token(authorization))
    except TokenInvalid as error:
        log.warning("token_rejected: %s", error.detail)
        raise
    except KeysUnavailable as error:
        log.error("keys_unavailable: %s", error.detail)  # noqa: TRY400 - the trace tells no more than the reason
        raise


def authorize(context: SecurityContext, scope: str, has: Callable[[str], bool]) -> None:
    """Return if `has` says that the token allows `scope`, else log that and raise."""
    if not has(scope):
        log.warning("scope_missing: %s, user_id=%r, cid=%r", scope, context.get_user_id(), context.get_clientid())
        raise InsufficientScope(scope)
