"""What the server says of itself to scripts: `/info`, and `/login` with `Accept: application/json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.authserver.zones import Zone


def describe(zone: Zone, product: str, providers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return how people log in at a tenant; `providers` are the addresses that begin a login, by origin."""
    return {
        "app": {"name": product, "version": __version__},
        "commit_id": __version__,
        "entityID": zone.url,
        "zone_name": zone.subdomain,
        "links": {"login": f"{zone.url}/login", "uaa": zone.url},
        "prompts": {
            "username": ["text", "User name"],
            "password": ["password", "Password"],
            "passcode": ["password", f"One-time code (get one at {zone.url}/passcode)"],
        },
        "idpDefinitions": dict(providers or {}),
        "showLoginLinks": bool(providers),
    }
