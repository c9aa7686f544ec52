"""What every kind of authentication is given, and gives."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entryway.clients.tokens import TokenSet
from entryway.destinations.callers import Caller
from entryway.destinations.documents import Destination
from entryway.destinations.requests import FindOptions
from entryway.destinations.retrieval import TokenRetrieval
from entryway.destinations.user_tokens import UserTokens

AuthToken = dict[str, object]


@dataclass(frozen=True, slots=True)
class Means:
    """What a kind of authentication may use to get its tokens."""

    retrieval: TokenRetrieval
    user_tokens: UserTokens


@dataclass(frozen=True, slots=True)
class Occasion:
    """For what and for whom tokens are wanted."""

    destination: Destination
    caller: Caller
    options: FindOptions


# None: this kind has no tokens, and the answer no member for them.
Authentication = Callable[[Occasion, Means], Awaitable[list[AuthToken] | None]]


def bearer(tokens: TokenSet) -> AuthToken:
    """Return the entry of the answer for a token that was fetched."""
    # Token services write the type as they like; clients of ours send it on as it is here.
    kind = "Bearer" if tokens.token_type.lower() == "bearer" else tokens.token_type
    entry: AuthToken = {
        "type": kind,
        "value": tokens.access_token,
        "http_header": {"key": "Authorization", "value": f"{kind} {tokens.access_token}"},
        "expires_in": str(tokens.expires_in),
    }
    if tokens.scope:
        entry["scope"] = tokens.scope
    return entry


def basic(user: str, password: str) -> AuthToken:
    """Return the entry of the answer for a user and a password."""
    value = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"type": "Basic", "value": value, "http_header": {"key": "Authorization", "value": f"Basic {value}"}}


def failure(text: str) -> AuthToken:
    """Return the entry of the answer that says why there is no token: its mere `error` is how clients know."""
    return {"type": "", "value": "", "expires_in": "0", "error": text}
