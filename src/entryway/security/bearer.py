"""Bearer tokens in HTTP: where a request carries one, and what is answered when it may not pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from entryway.errors import EntrywayError
from entryway.security.bound_certificate import check_certificate
from entryway.security.errors import InsufficientScope, KeysUnavailable, TokenInvalid, TokenMissing
from entryway.security.rules import AnyContext, Rule
from entryway.security.token_request import ExchangeFailed

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
    if isinstance(error, KeysUnavailable | ExchangeFailed):
        return Refusal(503, "Service Unavailable", (("retry-after", "5"),))
    return Refusal(500, "Internal Server Error", ())


def bearer_token(authorization: str | None) -> str:
    """Return the token in the value of an Authorization header."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


class Validator(Protocol):
    """Judges tokens, of whatever service."""

    def validate(self, token: str) -> AnyContext: ...

    async def validate_async(self, token: str) -> AnyContext: ...


Headers = Callable[[str], Sequence[str]]
"""Returns all values of the header with this name in small letters."""


@dataclass(frozen=True, slots=True)
class Protection:
    """How requests prove who is calling; tokens must be bound to the certificate in `certificate_header`, if given."""

    validator: Validator
    certificate_header: str | None = None

    def authenticate(self, headers: Headers) -> AnyContext:
        """Return who is calling, or log why that is not believed and raise."""
        with _logged():
            return self._bound(self.validator.validate(_token(headers)), headers)

    async def authenticate_async(self, headers: Headers) -> AnyContext:
        """Return who is calling, or log why that is not believed and raise."""
        with _logged():
            return self._bound(await self.validator.validate_async(_token(headers)), headers)

    def _bound(self, context: AnyContext, headers: Headers) -> AnyContext:
        if self.certificate_header is not None:
            check_certificate(context.claims, headers(self.certificate_header))
        return context


def authorize(context: AnyContext, rule: Rule) -> None:
    """Return if the rule allows the caller in, else log that and raise."""
    if not rule.allows(context):
        log.warning("access_refused: %s, user_id=%r, cid=%r", rule.name, context.get_user_id(), context.get_clientid())
        raise InsufficientScope(rule.name)


def _token(headers: Headers) -> str:
    values = headers("authorization")
    # Two headers are two claims of who is calling: neither is believed.
    return bearer_token(values[0] if len(values) == 1 else None)


@contextmanager
def _logged() -> Iterator[None]:
    try:
        yield
    except TokenInvalid as error:
        log.warning("token_rejected: %s", error.detail)
        raise
    except EntrywayError as error:
        if not isinstance(error, TokenMissing):
            log.error("%s: %s", error.code, error.detail)  # noqa: TRY400 - the trace tells no more
        raise
