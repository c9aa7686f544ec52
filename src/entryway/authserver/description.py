"""What the server says of itself to scripts: `/info`, and `/login` with `Accept: application/json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from entryway import __version__
from entryway.authserver.users import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from entryway.authserver.trust.providers import IdentityProvider
    from entryway.authserver.zones import Zone


def describe(
    zone: Zone, product: str, providers: Sequence[IdentityProvider], origin: str | None, now: datetime
) -> dict[str, Any]:
    """Return how people log in at a tenant with these providers, or at the one of them that `origin` names."""
    asked = [one for one in providers if one.origin == origin] or providers
    prompts = {"passcode": ["password", f"One-time code (get one at {zone.url}/passcode)"]}
    if any(one.takes_passwords for one in asked):
        prompts = {"username": ["text", "User name"], "password": ["password", "Password"], **prompts}
    elsewhere = [one.origin for one in providers if one.draft.available_for_logon and one.origin != ORIGIN]
    return {
        "app": {"name": product, "version": __version__},
        "commit_id": __version__,
        "timestamp": now.isoformat(timespec="seconds"),
        "entityID": zone.url,
        "zone_name": zone.subdomain,
        "links": {"login": f"{zone.url}/login", "uaa": zone.url},
        "prompts": prompts,
        "idpDefinitions": {each: f"{zone.url}/login?{urlencode({'origin': each})}" for each in elsewhere},
        "showLoginLinks": bool(elsewhere),
    }
