"""Our errors as the exceptions that applications catch: ValueError, RuntimeError, and httpx's for the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from entryway.errors import ConfigurationError
from entryway.security.errors import KeysUnavailable, TokenInvalid
from entryway.security.token_request import ExchangeFailed

UNREADABLE = frozenset({"malformed", "too_large"})


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
        raise RuntimeError(f"Call to /oauth/token was not successful. {error.detail}") from error
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
    return RuntimeError(f"Error in offline validation of access token: {reason}")


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
