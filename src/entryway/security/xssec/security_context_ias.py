"""The context of a token of the identity service, as applications know it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

from entryway.security.identity import (
    IdentityCredentials,
    IdentityTokenValidator,
    parse_identity,
)
from entryway.security.identity_context import IdentityContext
from entryway.security.jws import header_of
from entryway.security.xssec.refusals import check_given, exceptions_of_applications


class SecurityContextIAS:
    """A token that was verified, and is meant for this application; `token_payload` is what it says."""

    def __init__(self, token: str, service_credentials: Mapping[str, Any]) -> None:
        validator = _validator(token, service_credentials)
        with exceptions_of_applications():
            self._learn(validator.validate(token), service_credentials)

    @classmethod
    async def create_async(cls, token: str, service_credentials: Mapping[str, Any]) -> Self:
        """Return the context of a token, without blocking the event loop while keys are fetched."""
        validator = _validator(token, service_credentials)
        self = cls.__new__(cls)
        with exceptions_of_applications():
            self._learn(await validator.validate_async(token), service_credentials)
        return self

    def get_issuer(self) -> str:
        return self._context.get_issuer()

    def validate_issuer(self) -> Self:
        """Return the context: there is none whose issuer is not valid; so with the other three."""
        return self

    validate_timestamp = validate_audience = validate_signature = validate_issuer

    def _learn(self, context: IdentityContext, service_credentials: Mapping[str, Any]) -> None:
        self._context = context
        self.token = context.token
        self.service_credentials = service_credentials
        self.token_payload = dict(context.claims)
        self.token_header = header_of(context.token)


def _validator(token: str, service_credentials: Mapping[str, Any]) -> IdentityTokenValidator:
    check_given(token, "token")
    check_given(service_credentials, "service_credentials")
    with exceptions_of_applications():
        return _shared(parse_identity(service_credentials))


@lru_cache(maxsize=32)
def _shared(credentials: IdentityCredentials) -> IdentityTokenValidator:
    # As with the other context, the audience alone decides, also about tokens of other tenants.
    return IdentityTokenValidator(credentials, any_tenant=True)
