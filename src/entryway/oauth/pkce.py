"""Proof Key for Code Exchange (RFC 7636): who redeems a code must be who asked for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.oauth.errors import InvalidGrant, InvalidRequest, echo

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = ("S256", "plain")
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the client sent at the authorization endpoint."""

    value: str
    method: str


def challenge_of(parameters: Mapping[str, str]) -> Challenge | None:
    """Return the challenge in an authorization request, None without one."""
    value, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if not value:
        if method:
            raise InvalidRequest("Code challenge method without a code challenge.")
        return None
    if not _WELL_FORMED.fullmatch(value):
        raise InvalidRequest(
            "Code challenge length must between 43 and 128 and use only [A-Z],[a-z],[0-9],_,.,-,~ characters."
        )
    if (method or "plain") not in METHODS:
        raise InvalidRequest("Unsupported code challenge method.")
    return Challenge(value, method or "plain")


def check(challenge: Challenge | None, verifier: str | None) -> None:
    """Raise unless `verifier` proves that its sender made `challenge`."""
    if challenge is None:
        # RFC 9700 §4.8.2: a verifier without a challenge is how a stripped challenge shows (a downgrade).
        if verifier is not None:
            raise InvalidGrant("Code verifier not required for this authorization code.")
        return
    if not verifier:
        raise InvalidGrant("Code verifier must be provided for this authorization code.")
    wrong = InvalidGrant(f"Invalid code verifier: {echo(verifier)}")
    if not _WELL_FORMED.fullmatch(verifier):
        raise wrong
    given = s256(verifier) if challenge.method == "S256" else verifier
    if not hmac.compare_digest(given, challenge.value):
        raise wrong


def s256(verifier: str) -> str:
    """Return the S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
