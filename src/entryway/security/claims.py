"""The rules that the claims of a verified token must keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from entryway.security.credentials import ServiceCredentials
from entryway.security.errors import TokenInvalid

# A clock that runs ahead of ours by more than this is not one that we believe.
ISSUED_AHEAD = 60.0
LATEST = 2.0**40


def check_recipient(claims: Mapping[str, Any], own: ServiceCredentials) -> None:
    """Return if the token is meant for us, else raise."""
    cid = claims.get("cid")
    if not isinstance(cid, str) or not cid:
        raise TokenInvalid("cid_missing")
    texts(claims, "aud")
    if not is_for_us(claims, own):
        raise TokenInvalid("audience", f"cid={cid[:200]!r}")


def check_times(claims: Mapping[str, Any], now: float, leeway: float) -> None:
    """Return if the token is valid now, else raise."""
    expires = _moment(claims, "exp")
    if expires is None:
        raise TokenInvalid("exp_missing")
    if now >= expires + leeway:
        raise TokenInvalid("expired", f"{now - expires:.0f} s ago")
    if "nbf" in claims and (starts := _moment(claims, "nbf")) is not None and now < starts - leeway:
        raise TokenInvalid("not_yet_valid")
    issued = _moment(claims, "iat")
    if issued is not None and issued > now and issued > now + max(leeway, ISSUED_AHEAD):
        raise TokenInvalid("issued_in_the_future")


def check_zone(claims: Mapping[str, Any], own: ServiceCredentials) -> None:
    """Return if the token is of our tenant, where we have only one; else raise."""
    zid = claims.get("zid")
    if not isinstance(zid, str) or not zid:
        raise TokenInvalid("zid_missing")
    if own.expected_zone is not None and zid != own.expected_zone:
        raise TokenInvalid("other_tenant")


def is_for_us(claims: Mapping[str, Any], own: ServiceCredentials) -> bool:
    """Return whether the token names us, or a client that works for us, as its audience."""
    cid = claims["cid"]
    if cid == own.clientid:
        return True
    if own.trustedclientidsuffix and cid.endswith(own.trustedclientidsuffix):
        return True
    candidates = audiences(claims) | {cid}
    if not candidates.isdisjoint(own.own_audiences):
        return True
    # A broker's clients are clones of it: their names end in a bar and the broker's own.
    masters = tuple(f"|{name}" for name in own.own_audiences if "!b" in name)
    return bool(masters) and any(candidate.endswith(masters) for candidate in candidates)


def audiences(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the applications that a token names: its audience, else the prefixes of its scopes."""
    # The server derives the audience from scopes, whose names may have several dots: the first ends the application.
    named = named_applications(claims)
    if not named:
        named = frozenset(entry.split(".", 1)[0].strip() for entry in texts(claims, "scope") if "." in entry)
    return named - {""}


def named_applications(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the applications in the audience of a token."""
    return frozenset(entry.split(".", 1)[0].strip() for entry in texts(claims, "aud")) - {""}


def texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a claim that is a list of texts, or one text of several words; raise if it is neither."""
    value = claims.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split())
    try:
        if isinstance(value, list):
            "".join(value)  # the fastest way to find an entry that is no text
            return tuple(value)
    except TypeError:
        pass
    raise TokenInvalid("malformed", f"{name} is not a list of texts")


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        if 0 <= value <= LATEST:
            return value
        raise TokenInvalid("malformed", f"{name} is out of range")
    if value is None:
        return None
    raise TokenInvalid("malformed", f"{name} is not a number")
