"""Where and as whom a user should log in, as a client hints: `idp=sap.custom,local`, `login_hint={"origin":"x"}`."""

from __future__ import annotations

import json

from entryway.oauth.errors import InvalidRequest

MOST_ORIGINS = 10
LONGEST = 255


def parse(idp: str | None, login_hint: str | None) -> tuple[tuple[str, ...], str | None]:
    """Return the chain of origins and the user's name; `idp` is the newer parameter and goes first."""
    origin, name = _hinted(login_hint)
    origins = tuple(part.strip() for part in idp.split(",") if part.strip()) if idp else (origin,) if origin else ()
    if len(origins) > MOST_ORIGINS or any(not _fits(part) for part in origins) or (name and not _fits(name)):
        raise InvalidRequest("The parameters idp and login_hint must name identity providers, or a user")
    return origins, name


def _hinted(login_hint: str | None) -> tuple[str | None, str | None]:
    if not login_hint:
        return None, None
    if not login_hint.startswith("{"):
        return None, login_hint
    try:
        hint = json.loads(login_hint)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The parameter login_hint is not JSON") from error
    origin = hint.get("origin")
    if not isinstance(origin, str) or not origin:
        raise InvalidRequest("The parameter login_hint names no origin")
    return origin, None


def _fits(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()
