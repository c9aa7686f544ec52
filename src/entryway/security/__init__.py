"""Checks the tokens that reach an application; installs alone, with few dependencies.

    context = create_security_context(token, credentials)   # raises TokenInvalid
    context.check_local_scope("Display")

`entryway.security.fastapi` has dependencies for FastAPI and Starlette, `entryway.security.asgi` protects any ASGI
application. Network and cryptography are imported with the first token, so that an application starts at once.
"""

from entryway.security.context import SecurityContext
from entryway.security.credentials import ServiceCredentials, find_credentials, parse_credentials
from entryway.security.errors import BindingMissing, InsufficientScope, KeysUnavailable, TokenInvalid, TokenMissing
from entryway.security.hybrid import HybridValidator
from entryway.security.identity import IdentityTokenValidator, find_identity, parse_identity
from entryway.security.identity_context import IdentityContext
from entryway.security.token_client import TokenClient
from entryway.security.token_request import ExchangeFailed, Tokens
from entryway.security.validator import (
    TokenValidator,
    create_security_context,
    create_security_context_async,
    shared_validator,
)

__all__ = [
    "BindingMissing",
    "ExchangeFailed",
    "HybridValidator",
    "IdentityContext",
    "IdentityTokenValidator",
    "InsufficientScope",
    "KeysUnavailable",
    "SecurityContext",
    "ServiceCredentials",
    "TokenClient",
    "TokenInvalid",
    "TokenMissing",
    "TokenValidator",
    "Tokens",
    "create_security_context",
    "create_security_context_async",
    "find_credentials",
    "find_identity",
    "parse_credentials",
    "parse_identity",
    "shared_validator",
]
