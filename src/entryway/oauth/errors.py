"""What a party may be told about its OAuth request (RFC 6749 §5.2).

`description` is for the caller, `detail` for the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from entryway.errors import EntrywayError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_ECHO = 200


class OAuthError(EntrywayError):
    """An error of the protocol; `code` is the value of `error` on the wire."""

    code: ClassVar[str] = "invalid_request"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request was not valid"

    def __init__(self, description: str = "", detail: str = "") -> None:
        super().__init__(detail or description)
        self.description = description or self.title


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated or malformed."""


class RequestTooLarge(OAuthError):
    """The body is larger than any honest request."""

    status = 413
    title = "The request is too large"


class UnsupportedMediaType(OAuthError):
    """The body is not a form."""

    status = 415
    title = "The body must be application/x-www-form-urlencoded"


class BadCredentials(OAuthError):
    """The client or user is unknown or the secret is wrong; which of them is for the log alone."""

    code = "unauthorized"
    status = 401
    title = "Bad credentials"


class InvalidClient(OAuthError):
    """The client is known and may not do this."""

    code = "invalid_client"
    status = 401
    title = "The client may not do this"


class InvalidGrant(OAuthError):
    """The code or assertion is wrong, used, expired or somebody else's."""

    code = "invalid_grant"
    title = "The grant is not valid"


class UnsupportedGrantType(OAuthError):
    """No such grant here."""

    code = "unsupported_grant_type"
    title = "Unsupported grant type"


class InvalidScope(OAuthError):
    """A scope was asked for that the client may never have."""

    code = "invalid_scope"
    title = "The scope is not valid"

    def __init__(self, description: str = "", detail: str = "", *, allowed: Iterable[str] = ()) -> None:
        super().__init__(description, detail)
        # What the caller may ask for instead; it is the client's own business, so it may know.
        self.allowed = tuple(sorted(allowed))


class InvalidTarget(OAuthError):
    """A token was asked for somebody whom this client cannot have tokens for (RFC 8693)."""

    code = "invalid_target"
    title = "The target is not valid"


class InvalidToken(OAuthError):
    """A token that was presented is not valid, or no longer."""

    code = "invalid_token"
    status = 401
    title = "The token is not valid"


class InsufficientScope(OAuthError):
    """The token is valid and does not allow this."""

    code = "insufficient_scope"
    status = 403
    title = "Insufficient scope for this resource"


class UnsupportedResponseType(OAuthError):
    """Only `code` is given out at the authorization endpoint."""

    code = "unsupported_response_type"
    title = "Unsupported response type"


class LoginRequired(OAuthError):
    """The client forbade us to ask the user, and nobody is logged in."""

    code = "login_required"
    title = "The user is not logged in"


def echo(value: str) -> str:
    """Return what a caller sent, in a form that is safe and short enough to show back."""
    shown = "".join(character if character.isprintable() else "?" for character in value[: _LONGEST_ECHO + 1])
    return shown if len(shown) <= _LONGEST_ECHO else f"{shown[:_LONGEST_ECHO]}…"
