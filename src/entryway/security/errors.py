"""Why a token is not believed: `reason` is for the log alone, the caller learns only that it is so."""

from __future__ import annotations

from typing import ClassVar

from entryway.errors import ConfigurationError, EntrywayError, Forbidden, Unauthorized


class TokenMissing(Unauthorized):
    """The request carries no token at all."""

    code: ClassVar[str] = "token_missing"


class TokenInvalid(Unauthorized):
    """The token is not to be believed; `reason` is one of a fixed set of names."""

    code: ClassVar[str] = "token_invalid"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class InsufficientScope(Forbidden):
    """The token is believed, and does not allow this."""

    code: ClassVar[str] = "insufficient_scope"


class KeysUnavailable(EntrywayError):
    """The authorization server does not give out its keys right now, so no token can be judged."""

    code: ClassVar[str] = "keys_unavailable"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "Tokens cannot be checked right now"


class BindingMissing(ConfigurationError):
    """No usable binding to an authorization server was found."""

    title: ClassVar[str] = "No usable binding to an authorization server was found"
