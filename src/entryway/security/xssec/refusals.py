"""Our errors as the exceptions that applications catch: ValueError, RuntimeError, and httpx's for the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from entryway.errors import ConfigurationError
from entryway.security.errors import KeysUnavailable, TokenInvalid
from entryway.security.token_request import ExchangeFailed
from entryway.security.xssec.constants import GRANTTYPE_JWT_BEARER

UNAUTHORIZED = 401

UNREADABLE = frozenset({"malformed", "too_large"})
# What applications have in their logs, and look for there; other reasons go by their own names.
_KNOWN = {
    "signature": "Signature verification failed",
    "expired": "Signature has expired",
    "not_yet_valid": "The token is not yet valid (nbf)",
    "issued_in_the_future": "The token is not yet valid (iat)",
    "algorithm": "The specified alg value is not allowed",
}


@contextmanager
def exceptions_of_applications() -> Iterator[None]:
    """Translate what is raised in the block; the reasons are names, and never hold a token."""
    try:
        yield
    except TokenInvalid as error:
        raise _refusal(error.reason) from error
    except KeysUnavailable as error:
        raise _network_error(error, error.detail) from error
    except ExchangeFailed as error:
        if error.answered is None:
            raise _network_error(error, error.detail) from error
        raise RuntimeError(_exchange_refused(error.answered)) from error
    except ConfigurationError as error:
        raise ValueError(error.detail) from error


def _refusal(reason: str) -> Exception:
    if reason in UNREADABLE:
        return ValueError("Failed to decode provided token")
    if reason == "unknown_key":
        return ValueError("Could not find key with the kid of the token")
    if reason == "issuer":
        return ValueError("Token's issuer is not found in domain list")
    if reason == "audience":
        return RuntimeError("Audience Validation Failed")
    if reason.endswith("_missing"):
        return RuntimeError(f"{reason.removesuffix('_missing')} not contained in access token.")
    return RuntimeError(f"Error in offline validation of access token: {_KNOWN.get(reason, reason)}, result code 1")


def _exchange_refused(status: int) -> str:
    told = f"Call to /oauth/token was not successful (grant_type: {GRANTTYPE_JWT_BEARER})."
    if status != UNAUTHORIZED:
        return f"{told} HTTP status code: {status}"
    return (
        f"{told} Authorization header invalid, requesting client does not have grant_type={GRANTTYPE_JWT_BEARER} "
        "or no scopes were granted."
    )


def check_given(value: Any, name: str) -> None:
    """Return if there is a value."""
    if value is None:
        raise ValueError(f'"{name}" should not be None')
    if isinstance(value, str) and not value:
        raise ValueError(f'"{name}" should not be an empty string')


def _network_error(error: Exception, detail: str) -> Exception:
    import httpx  # noqa: PLC0415 - loaded by the question that failed

    cause = error.__cause__
    return cause if isinstance(cause, httpx.HTTPError) else httpx.TransportError(detail)
