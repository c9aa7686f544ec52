"""Scopes: how they are asked for, what they say about a token's audience, and what is left of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from entryway.oauth.errors import InvalidRequest, InvalidScope, echo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

OPENID = "openid"
USER = "uaa.user"
RESOURCE = "uaa.resource"
# Clients separate by space (RFC 6749), by comma, or by a plus that was encoded twice.
_SEPARATORS = re.compile(r"[\s,+]+")
# RFC 6749 §3.3
_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,300}")


def parse(parameter: str | None) -> frozenset[str]:
    """Return the scopes that a request names; empty means that it leaves the choice to us."""
    if not parameter:
        return frozenset()
    scopes = frozenset(filter(None, _SEPARATORS.split(parameter)))
    if not all(_TOKEN.fullmatch(scope) or _with_backslash(scope) for scope in scopes):
        raise InvalidRequest("The scope parameter holds characters that no scope has")
    return scopes


def limit(granted: Iterable[str], allowed: AbstractSet[str], requested: AbstractSet[str]) -> frozenset[str]:
    """Return what of `granted` the client may have and asked for; asking for what it may never have is an error."""
    for scope in sorted(requested - allowed):
        raise InvalidScope(f"{echo(scope)} is invalid. Please use a valid scope name in the request", allowed=allowed)
    held = frozenset(granted) & allowed
    return held & requested if requested else held


def narrow(granted: AbstractSet[str], requested: AbstractSet[str]) -> frozenset[str]:
    """Return what of `granted` was asked for at a refresh; asking for more is an error (RFC 6749 §6)."""
    beyond = requested - granted
    if beyond:
        wanted = echo(" ".join(sorted(beyond)))
        raise InvalidScope(f"Unable to narrow the scope of the client authentication to {wanted}.", allowed=granted)
    return frozenset(requested or granted)


def audience(client_id: str, scopes: AbstractSet[str]) -> list[str]:
    """Return whom a token is for: the client, and every application whose scope is in it."""
    return list(_audience(client_id, frozenset(scopes)))


# What a client asks for is nearly always the same.
@lru_cache(maxsize=10_000)
def _audience(client_id: str, scopes: frozenset[str]) -> tuple[str, ...]:
    applications = {scope.rpartition(".")[0] for scope in scopes if scope != "uaa.none"}
    if OPENID in scopes:
        applications.add(OPENID)
    return (client_id, *sorted(applications - {"", client_id}))


def _with_backslash(scope: str) -> bool:
    # RFC 6749 leaves the backslash out; descriptors allow it in a scope's name.
    return _TOKEN.fullmatch(scope.replace("\\", "/")) is not None
